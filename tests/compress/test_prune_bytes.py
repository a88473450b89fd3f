"""A goal in bytes is met by the parameters as they are counted, and a file that holds more is found out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgebuild.check.census.model import Census, TensorRecord
from edgebuild.check.claims.parameter_bytes import check
from edgebuild.compress.prune.cost import CostModel, stored_bytes
from edgebuild.compress.prune.cut import apply, edits_of
from edgebuild.compress.prune.trace import trace
from edgebuild.errors import ConfigError
from edgebuild.model.count import count_model
from edgebuild.model.load import rebuild
from edgebuild.model.model_folder import read_record
from edgebuild.model.seeding import seeded
from tests.compress.workshop import Workshop, image
from tests.compress.zoo import build


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


def claimed(folder: Path) -> list[int]:
    return [claim["maximum"] for claim in read_record(folder).claims if claim["claim"] == "parameter_bytes"]


def by_hand(folder: Path, shop: Workshop, item_bytes: int) -> int:
    """Four bytes for everything, less what is in the weights of the convolutions and the linear layer."""
    numbers = dict(rebuild(folder, shop.root).named_parameters())
    return sum(value.numel() * (item_bytes if value.ndim > 1 else 4) for value in numbers.values())


@pytest.mark.parametrize("schedule", ["one_shot", "cubic"])
@pytest.mark.parametrize(("stored", "item_bytes"), [("float32", 4), ("float16", 2), ("int8", 1)])
def test_the_bytes_are_within_the_goal(shop: Workshop, stored: str, item_bytes: int, schedule: str) -> None:
    options: dict[str, Any] = {"round_to": 2, "schedule": schedule, "importance": "l1"}
    asked = {"float32": "10 KiB", "float16": "5 KiB", "int8": "3 KiB"}[stored]
    folder = shop.prune("size", keep={"size": asked, "stored": stored}, **options)
    bound = int(asked.split()[0]) * 1024
    assert claimed(folder) == [by_hand(folder, shop, item_bytes)]
    assert 0.8 * bound < claimed(folder)[0] <= bound
    share = shop.prune("share", keep={"bytes": 0.5, "stored": stored}, **options)
    assert 0.4 * by_hand(shop.baseline, shop, item_bytes) < claimed(share)[0]
    assert claimed(share)[0] <= 0.5 * by_hand(shop.baseline, shop, item_bytes)
    assert f" of parameters if weights are stored as {stored}" in read_record(share).extra["prune"]["effect"]


@pytest.mark.parametrize("network", ["depthwise", "grouped", "flattened", "transposed", "scaled", "encoder"])
def test_the_bytes_are_known_without_cutting(network: str) -> None:
    with seeded(0):
        model = build(network).eval()
    found = trace(model, image(), 4)
    counts = count_model(model, image())
    costs = CostModel(model, found.groups, {row.layer: row.macs for row in counts.layers}, item_bytes=1)
    assert costs.after({}).bytes == stored_bytes(model, 1)
    choice = {group.name: list(range(group.size // 2)) for group in found.groups}
    after = costs.after({name: len(gone) for name, gone in choice.items()})
    apply(model, edits_of(model, found.groups, choice))
    assert after.bytes == stored_bytes(model, 1) < counts.parameters * 4


def test_a_later_cut_keeps_the_promise_of_the_first(shop: Workshop) -> None:
    first = shop.prune("first", keep={"bytes": 0.6}, importance="l1")
    assert claimed(shop.prune("second", model=first, ratio=0.3, round_to=2)) == claimed(first)


@pytest.mark.parametrize(
    ("size", "message"),
    [
        ("600 KiB", "prune.keep.size: 600 KiB asked, but the parameters take 24364 B as they are"),
        ("1 KiB", "prune.keep.size: 1 KiB asked, but 1452 B is the least (round_to 4, max_ratio 0.9); left alone:"),
    ],
)
def test_a_size_that_cannot_be_is_an_error(shop: Workshop, size: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        shop.prune(keep={"size": size})
    assert caught.value.message.startswith(message)


def census(*sizes: tuple[str, str, int]) -> Census:
    tensors = tuple(
        TensorRecord(index, f"t{index}", None, role, dtype, (size,), size)  # type: ignore[arg-type]
        for index, (role, dtype, size) in enumerate(sizes)
    )
    return Census("m", "tflite", 1, "", "3", (), (), tensors, (), None, "")


def test_weights_and_biases_count_and_shapes_do_not() -> None:
    claim = {"claim": "parameter_bytes", "step": "prune", "maximum": 140}
    stored = (("weight", "int8", 100), ("bias", "int32", 40))
    held = check(census(*stored, ("constant", "int32", 8)), claim)
    assert held.findings == ()
    assert held.evidence == "140 B in 2 weight and bias tensors"
    missed = check(census(("weight", "float32", 101), stored[1]), claim)
    assert missed.findings[0].message.startswith(
        "prune: 141 B in 2 weight and bias tensors, at most 140 B promised; the"
    )
    assert check(census(("constant", "int32", 8)), claim).findings
