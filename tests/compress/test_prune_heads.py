"""Heads of attention are found in every way of writing it, and cutting them equals silencing them."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from edgebuild.compress.open_attention import open_attentions
from edgebuild.compress.prune.cost import CostModel
from edgebuild.compress.prune.cut import apply, edits_of
from edgebuild.compress.prune.groups import ChannelGroup
from edgebuild.compress.prune.heads.adopt import adopt_attentions
from edgebuild.compress.prune.importance import IMPORTANCES, Scoring
from edgebuild.compress.prune.trace import Trace, trace
from edgebuild.compress.prune.trial import silenced
from edgebuild.errors import ConfigError
from edgebuild.model.count import count_model
from edgebuild.model.edits import replay
from edgebuild.model.load import build_factory, rebuild
from edgebuild.model.model_folder import read_record
from edgebuild.model.seeding import seeded
from edgebuild.model.weights import read_weights
from tests.compress.attention_zoo import HEADS, build
from tests.compress.workshop import Workshop, image

ZOO = Path(__file__).with_name("attention_zoo.py")
CUT = ["torch", "separate", "fused", "heads_first", "keys_with_values"]
ADOPTED = ["divided", "causal"]


def made(network: str) -> nn.Module:
    with seeded(0):
        model = build(network).eval()
    open_attentions(model)
    adopt_attentions(model, image(), ())
    return model


def traced(network: str, **options: Any) -> tuple[nn.Module, Trace]:
    model = made(network)
    return model, trace(model, image(), **{"round_to": 4, **options})


def heads_of(found: Trace) -> list[ChannelGroup]:
    return [group for group in found.groups if group.heads is not None]


@pytest.mark.parametrize("network", [*CUT, *ADOPTED])
def test_cut_heads_leave_what_the_others_compute(network: str) -> None:
    model, found = traced(network)
    (group,) = heads_of(found)
    assert group.size == HEADS
    for gone in ([0], [1, 3], [0, 1, 2]):
        cut = copy.deepcopy(model)
        apply(cut, edits_of(model, [group], {group.name: gone}))
        expected = silenced(model, [group], {group.name: gone})(*image())
        assert torch.allclose(cut(*image()), expected, atol=1e-6)
        assert not torch.allclose(model(*image()), expected, atol=1e-4)


@pytest.mark.parametrize("network", [*CUT, *ADOPTED])
def test_the_cost_of_heads_is_known_without_running_the_cut_model(network: str) -> None:
    model, found = traced(network)
    counts = count_model(model, image())
    choice = {group.name: list(range(group.size // 2)) for group in found.groups}
    cut = copy.deepcopy(model)
    apply(cut, edits_of(model, found.groups, choice))
    costs = CostModel(model, found.groups, {row.layer: row.macs for row in counts.layers})
    after, real = costs.after({name: len(gone) for name, gone in choice.items()}), count_model(cut, image())
    assert (after.parameters, after.macs) == (real.parameters, real.macs)
    assert next(row.macs for row in real.layers if row.layer in ("mix", "mix.attention")) > 0


@pytest.mark.parametrize(
    ("network", "layer", "reason"),
    [
        ("biased", "mix", "it does not run with fewer heads: RuntimeError: shape '[1, 8, 3, 2, 8]' is invalid"),
        ("grouped", "mix", "it does not run with fewer heads: RuntimeError: "),
        ("talking", "mix", "other heads change when some go"),
        ("keys_of_its_own", "mix.attention", "its heads are not cut: it adds keys and values of its own"),
    ],
)
def test_attention_that_cannot_be_cut_is_named_with_the_reason(network: str, layer: str, reason: str) -> None:
    _, found = traced(network)
    assert heads_of(found) == []
    reasons = [item.reason for item in found.left_alone if item.layer == layer]
    assert [one for one in reasons if one.startswith(reason)], found.left_alone


def test_a_head_counts_as_one_and_leaves_multiples() -> None:
    model = made("torch")
    assert [group.step for group in heads_of(trace(model, image(), 4))] == [1]
    assert [group.step for group in heads_of(trace(model, image(), 8))] == [2]
    whole = trace(model, image(), 16)
    assert heads_of(whole) == []
    reason = next(item.reason for item in whole.left_alone if item.layer == "mix.attention")
    assert reason == "its 4 heads of 4 channels cannot be cut to a multiple of 16 channels"


@pytest.mark.parametrize("skipped", ["mix.attention", "mix.attention.k_proj"])
def test_a_skipped_attention_keeps_its_heads(skipped: str) -> None:
    model = made("torch")
    found = trace(model, image(), 4, [skipped])
    assert heads_of(found) == []
    assert "skip" in [item.reason for item in found.left_alone if item.layer == "mix.attention"]


def test_shared_projections_keep_their_heads() -> None:
    model = made("separate")
    model.get_submodule("mix.key").weight = model.get_submodule("mix.query").weight
    found = trace(model, image(), 4)
    assert heads_of(found) == []
    assert [item for item in found.left_alone if "is shared with another layer" in item.reason]


def scoring(model: nn.Module, found: Trace) -> Scoring:
    generator = torch.Generator().manual_seed(3)
    images = torch.randn(16, 1, 8, 8, generator=generator)
    batches = [((images[start : start + 4],), torch.arange(4) % 3) for start in range(0, 16, 4)]
    return Scoring(found, lambda: batches, lambda outputs, targets: nn.functional.cross_entropy(outputs, targets), 1)


@pytest.mark.parametrize("importance", ["taylor", "l1", "l2", "activation", "geometric_median", "average_zeros"])
def test_every_criterion_scores_heads(importance: str) -> None:
    model, found = traced("torch")
    scores = IMPORTANCES.get(importance).score(scoring(model, found))
    (of_heads,) = [score for score, group in zip(scores, found.groups, strict=True) if group.heads]
    assert of_heads.shape == (HEADS,)
    assert len(set(of_heads.tolist())) > 1 or importance == "average_zeros"


def test_taylor_is_the_gradient_of_a_gate_on_each_head() -> None:
    """Michel et al., Are Sixteen Heads Really Better than One, NeurIPS 2019, equation 2."""
    model, found = traced("torch")
    given = scoring(model, found)
    scores = IMPORTANCES.get("taylor").score(given)
    (of_heads,) = [score for score, group in zip(scores, found.groups, strict=True) if group.heads]
    gate = torch.ones(HEADS, requires_grad=True)
    output = model.get_submodule("mix.attention.out_proj")
    output.register_forward_pre_hook(
        lambda _module, inputs: ((inputs[0].unflatten(-1, (HEADS, -1)) * gate[:, None]).flatten(-2),)
    )
    expected = torch.zeros(HEADS)
    for inputs, targets in given.batches():
        (gradient,) = torch.autograd.grad(given.loss(model(*inputs), targets), gate)
        expected += gradient.abs()
    assert torch.allclose(torch.from_numpy(of_heads).float(), expected, rtol=1e-3)


@pytest.mark.parametrize("network", ADOPTED)
def test_attention_for_one_number_of_heads_is_replaced_by_one_for_any(network: str) -> None:
    with seeded(0):
        model = build(network).eval()
    adopted = copy.deepcopy(model)
    (edit,) = adopt_attentions(adopted, image(), ())
    assert (edit["layer"], edit["form"]["causal"], edit["form"]["heads"]) == ("mix", network == "causal", HEADS)
    assert torch.allclose(adopted(*image()), model(*image()), atol=1e-6)
    assert list(adopted.state_dict()) == list(model.state_dict())
    expected = ("attn_dropout", "resid_dropout") if network == "causal" else ("", "")
    assert (edit["form"]["weights_dropout"], edit["form"]["output_dropout"]) == expected
    again = copy.deepcopy(model)
    replay(again, json.loads(json.dumps([edit])))
    assert torch.equal(again(*image()), adopted(*image()))


@pytest.mark.parametrize("network", ["biased", "grouped", "talking", *CUT])
def test_nothing_else_is_replaced(network: str) -> None:
    with seeded(0):
        model = build(network).eval()
    assert adopt_attentions(model, image(), ()) == []
    assert adopt_attentions(build("divided").eval(), image(), ("mix",)) == []


@pytest.mark.parametrize("network", ["torch", "fused", "causal"])
def test_the_step_cuts_heads_and_says_how_many(tmp_path: Path, network: str) -> None:
    shop = Workshop(tmp_path, network, zoo=ZOO)
    folder = shop.prune(ratio=0.5, scope="local", schedule="iterative", steps=2)
    record = read_record(folder)
    name = "mix.attention" if network == "torch" else "mix"
    account = record.extra["prune"]
    assert account["heads"] == [{"layer": name, "before": 4, "kept": 2}]
    assert account["channels"] == {"before": 48, "cut": 24}
    assert account["left_alone"] == [{"layer": "head", "reason": "they are outputs of the model"}]
    assert f"24 of 48 channels, 2 of 4 heads of {name} cut in" in account["effect"]
    fresh = build_factory(record.source, tmp_path, seed=99).eval()
    replay(fresh, record.edits)
    fresh.load_state_dict(read_weights(folder / "weights.safetensors"))
    assert torch.equal(fresh(*image()), rebuild(folder, tmp_path)(*image()))
    layers = {claim["layer"]: claim["kept"] for claim in record.claims if claim["claim"] == "channels"}
    inputs = {claim["layer"]: claim["kept"] for claim in record.claims if claim["claim"] == "input_channels"}
    if network == "torch":
        assert {layers[f"{name}.{part}"] for part in ("q_proj", "k_proj", "v_proj")} == {8}
        assert inputs == {"mix.attention.out_proj": 8}
    elif network == "fused":
        assert (layers["mix.qkv"], inputs) == (48, {"mix.proj": 16})
    else:
        assert (layers["mix.c_attn"], inputs) == (24, {"mix.c_proj": 8})
    assert json.loads((folder / "model.json").read_text())["edits"] == list(record.edits)


def test_pruning_twice_goes_on_where_it_was(tmp_path: Path) -> None:
    shop = Workshop(tmp_path, "torch", zoo=ZOO)
    first = shop.prune("first", ratio=0.3, scope="local")
    second = shop.prune("second", model=first, ratio=0.5, scope="local", round_to=2)
    accounts = [read_record(folder).extra["prune"]["heads"] for folder in (first, second)]
    assert [account[0]["before"] for account in accounts] == [4, 3]
    assert accounts[1][0]["kept"] < 3
    claims = [claim for claim in read_record(second).claims if claim["claim"] == "input_channels"]
    assert [claim["kept"] for claim in claims] == [4 * accounts[1][0]["kept"]]
    assert rebuild(second, tmp_path).get_submodule("mix.attention.out_proj").in_features == claims[0]["kept"]


def test_edits_that_do_not_fit_name_the_layer(tmp_path: Path) -> None:
    model = made("separate")
    with pytest.raises(ConfigError, match="open_attention does not fit layer 'mix': it is a Separate"):
        replay(model, [{"edit": "open_attention", "layer": "mix"}])
    wrong = {"edit": "keep_heads", "layer": "mix", "kept": [0], "of": 8, "attributes": {"num_attention_heads": 1}}
    with pytest.raises(ConfigError, match="keep_heads does not fit layer 'mix': its num_attention_heads is 4"):
        replay(model, [wrong])
