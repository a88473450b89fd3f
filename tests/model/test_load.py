"""Models come from a factory with weights or from a program, and come back from a model folder unchanged."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from edgebuild.errors import ConfigError
from edgebuild.model.edits.keep_channels import keep_channels
from edgebuild.model.evaluate import predict
from edgebuild.model.exportable import check_exportable, run_once
from edgebuild.model.load import (
    PROGRAM,
    build_factory,
    derive_model_folder,
    factory_source,
    load_source_model,
    program_source,
    rebuild,
    write_model_folder,
)
from edgebuild.model.model_folder import ModelRecord, read_record
from edgebuild.model.weights import read_weights
from tests.model.nets import BRANCH, CNN, project

FACTORY = {"factory": "model:build"}
IMAGES = {"image": np.random.default_rng(0).random((5, 1, 6, 6), dtype=np.float32)}


def record(source: dict[str, object]) -> ModelRecord:
    return ModelRecord(source=source, input_names=("image",), output_names=("scores",))


def folder(root: Path, name: str) -> Path:
    path = root / name
    path.mkdir()
    return path


def test_initial_weights_follow_the_seed_alone(tmp_path: Path) -> None:
    root = project(tmp_path)
    states = []
    for seed in (1, 1, 2):
        torch.rand(seed)
        states.append(load_source_model(FACTORY, root, seed)[0].state_dict()["conv.weight"])
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])


@pytest.mark.parametrize("suffix", ["pt", "pth", "safetensors"])
def test_weights_of_every_format_are_loaded(suffix: str, tmp_path: Path) -> None:
    root = project(tmp_path)
    state = build_factory(factory_source("model:build", {}), root, 5).state_dict()
    if suffix == "safetensors":
        save_file(state, root / "w.safetensors")
    else:
        torch.save({"state_dict": state, "epoch": 3}, root / f"w.{suffix}")
    model, _ = load_source_model({**FACTORY, "weights": f"w.{suffix}"}, root)
    assert not model.training
    assert all(torch.equal(value, state[key]) for key, value in model.state_dict().items())


def test_weights_that_do_not_fit_are_listed_by_kind(tmp_path: Path) -> None:
    root = project(tmp_path)
    state = build_factory(factory_source("model:build", {"width": 6}), root).state_dict()
    state["tail.weight"] = state.pop("head.weight")
    save_file(state, root / "w.safetensors")
    with pytest.raises(ConfigError) as caught:
        load_source_model({**FACTORY, "weights": "w.safetensors"}, root)
    assert caught.value.message == (
        "model.weights: 'w.safetensors' does not fit the model:\n"
        "    1 of 8 tensors missing: head.weight\n"
        "    1 unexpected: tail.weight\n"
        "    5 of another shape: conv.weight: found (6, 1, 3, 3), expected (4, 1, 3, 3), "
        "norm.weight: found (6,), expected (4,), norm.bias: found (6,), expected (4,), "
        "norm.running_mean: found (6,), expected (4,), norm.running_var: found (6,), expected (4,)"
    )


def test_more_than_five_misfits_are_counted(tmp_path: Path) -> None:
    root = project(tmp_path)
    save_file({"a": torch.zeros(1)}, root / "w.safetensors")
    with pytest.raises(ConfigError, match=r"8 of 8 tensors missing: .*, and 3 more"):
        load_source_model({**FACTORY, "weights": "w.safetensors"}, root)


def test_files_that_hold_no_state_dict_are_refused(tmp_path: Path) -> None:
    root = project(tmp_path)
    torch.save(build_factory(FACTORY, root), root / "whole.pt")
    torch.save([1, 2], root / "list.pt")
    (root / "text.pt").write_text("no weights")
    (root / "text.safetensors").write_text("no weights")
    expected = {
        "whole.pt": "holds Python objects that only running its code could load, expected a state dict",
        "list.pt": "holds a list, expected a state dict",
        "text.pt": "",
        "text.safetensors": "is no whole safetensors file",
        "none.pt": "found no file",
        "model.py": "ends in '.py', expected .pt, .pth, .safetensors",
    }
    for name, text in expected.items():
        with pytest.raises(ConfigError) as caught:
            read_weights(root / name)
        assert text in caught.value.message
        assert name in caught.value.message


def test_a_factory_must_return_a_module(tmp_path: Path) -> None:
    root = project(tmp_path, "def build():\n    return 3\n")
    with pytest.raises(ConfigError, match=r"'model:build' returned a int, expected a torch.nn.Module"):
        load_source_model(FACTORY, root)


def test_a_model_folder_gives_the_same_outputs_and_the_same_bytes(tmp_path: Path) -> None:
    root = project(tmp_path)
    model, source = load_source_model({**FACTORY, "kwargs": {"width": 5}}, root, 3)
    first, second = folder(root, "a"), folder(root, "b")
    write_model_folder(first, record(source), model)
    write_model_folder(second, record(source), rebuild(first, root))
    assert (first / "weights.safetensors").read_bytes() == (second / "weights.safetensors").read_bytes()
    assert (first / "model.json").read_bytes() == (second / "model.json").read_bytes()
    before, after = (predict(net, IMAGES, names=("scores",)) for net in (model, rebuild(second, root)))
    assert np.array_equal(before["scores"], after["scores"])


def test_pruned_channels_are_replayed(tmp_path: Path) -> None:
    root = project(tmp_path)
    model, source = load_source_model(FACTORY, root, 3)
    keep = [0, 2, 3]
    norm = {name: {0: keep} for name in ("weight", "bias", "running_mean", "running_var")}
    edits = (
        keep_channels("conv", {"weight": {0: keep}}, {"out_channels": 3}),
        keep_channels("norm", norm, {"num_features": 3}),
        keep_channels("head", {"weight": {1: keep}}, {"in_features": 3}),
    )
    with torch.no_grad():
        model.norm.bias[1] = -100.0
    expected = predict(model, IMAGES)["output"]
    parent, child = folder(root, "a"), folder(root, "b")
    write_model_folder(parent, record(source), model)
    from edgebuild.model.edits import replay

    replay(model, edits)
    derive_model_folder(parent, child, model, edits=edits)
    pruned = rebuild(child, root)
    assert pruned.conv.weight.shape == (3, 1, 3, 3)
    assert (pruned.conv.out_channels, pruned.norm.num_features, pruned.head.in_features) == (3, 3, 3)
    assert np.allclose(predict(pruned, IMAGES)["output"], expected, atol=1e-6)
    assert read_record(child).edits == edits


@pytest.mark.parametrize(
    ("layer", "tensor", "keep", "attribute", "found"),
    [
        ("tail", "weight", [0], "out_channels", "there is no such layer"),
        ("conv", "scale", [0], "out_channels", "it has no tensor 'scale'"),
        ("conv", "weight", [4], "out_channels", r"weight has shape \(4, 1, 3, 3\)"),
        ("conv", "weight", [0], "num_features", "a Conv2d has no attribute 'num_features'"),
    ],
)
def test_an_edit_of_another_model_is_refused(
    layer: str, tensor: str, keep: list[int], attribute: str, found: str, tmp_path: Path
) -> None:
    root = project(tmp_path)
    model, source = load_source_model(FACTORY, root)
    path = folder(root, "a")
    edit = keep_channels(layer, {tensor: {0: keep}}, {attribute: 1})
    write_model_folder(path, replace(record(source), edits=(edit,)), model)
    with pytest.raises(ConfigError, match=f"keep_channels does not fit layer '{layer}': {found}"):
        rebuild(path, root)


def test_a_program_is_loaded_kept_and_exported_again(tmp_path: Path) -> None:
    root = project(tmp_path)
    model = build_factory(FACTORY, root, 1).eval()
    torch.export.save(check_exportable(model, IMAGES, root), root / "net.pt2")
    loaded, source = load_source_model({"program": "net.pt2"}, root)
    assert source == program_source()
    path = folder(root, "a")
    write_model_folder(path, record(source), loaded, root / "net.pt2")
    assert (path / PROGRAM).is_file()
    again = rebuild(path, root)
    assert np.allclose(predict(again, IMAGES, batch=1)["output"], predict(model, IMAGES)["output"], atol=1e-6)
    check_exportable(again, IMAGES, root)


def test_what_is_no_program_is_refused(tmp_path: Path) -> None:
    (tmp_path / "net.pt2").write_text("no program")
    for name, text in (("net.pt2", "is not a torch.export program"), ("none.pt2", "found no file")):
        with pytest.raises(ConfigError, match=f"model.program: .*{text}"):
            load_source_model({"program": name}, tmp_path)


def test_inputs_that_do_not_fit_name_the_layer_and_the_line(tmp_path: Path) -> None:
    root = project(tmp_path)
    model = build_factory(FACTORY, root).eval()
    with pytest.raises(ConfigError) as caught:
        run_once(model, {"image": np.zeros((2, 3, 6, 6), dtype=np.float32)}, root)
    line = CNN.split("\n").index("        return self.head(torch.relu(self.norm(self.conv(image))).mean((2, 3)))") + 1
    assert caught.value.message.startswith(
        f"the model cannot take the data's inputs (image float32 (3, 6, 6)) in layer 'conv' at model.py:{line}: "
    )


def test_outputs_are_named_and_counted(tmp_path: Path) -> None:
    root = project(tmp_path)
    model = build_factory(FACTORY, root).eval()
    assert run_once(model, IMAGES, root, ("scores",)) == {"scores": (1, 3)}
    with pytest.raises(ConfigError, match=r"names 2 outputs \(a, b\), the model returned 1"):
        run_once(model, IMAGES, root, ("a", "b"))


def test_a_model_that_branches_on_values_is_not_exportable(tmp_path: Path) -> None:
    root = project(tmp_path, BRANCH)
    model = build_factory(FACTORY, root).eval()
    inputs = {"x": np.ones((1, 4), dtype=np.float32)}
    run_once(model, inputs, root)
    with pytest.raises(ConfigError) as caught:
        check_exportable(model, inputs, root)
    line = BRANCH.split("\n").index("        if x.sum() > 0:") + 1
    assert caught.value.message.startswith(f"the model cannot be exported in layer 'gate' at model.py:{line}: ")
