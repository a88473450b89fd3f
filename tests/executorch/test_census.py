"""The census of a .pte tells everything that is in it, and refuses what is no whole file."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

from edgebuild.check.census.pte import read_pte_census
from edgebuild.errors import ConfigError
from tests.executorch.workshop import Export


def test_static_int8_is_integer_inside(export: Export) -> None:
    census = read_pte_census(export("residual", "int8").file)
    assert {tensor.dtype for tensor in census.weights} == {"int8"}
    assert [tensor.layer for tensor in census.weights] == ["stem.0", "deep", "wide.0", "head"]
    assert {tensor.dtype for tensor in census.tensors if tensor.role == "bias"} == {"int32"}
    assert {tensor.dtype for tensor in census.tensors if tensor.role == "activation"} == {"int8"}
    assert all(operation.delegate == "XnnpackBackend" and operation.layer for operation in census.operations)
    head = census.weights[-1]
    assert head.shape == (5, 24)
    assert head.bytes == 120
    assert len(head.scale) == 5
    assert head.axis == 0
    assert set(head.zero_point) == {0}
    assert head.sparsity is not None
    assert 0 <= head.sparsity < 0.2
    assert head.distinct is not None
    assert 20 < head.distinct <= 120


def test_scales_are_exact(export: Export) -> None:
    """The largest weight of a channel is 127 steps: the scale in the file is the float32 one, not a rounded text."""
    exported = export("residual", "int8")
    head = read_pte_census(exported.file).weights[-1]
    expected = exported.model.head.weight.abs().amax(1) / 127  # type: ignore[union-attr,operator]
    assert head.scale == pytest.approx(expected.tolist(), rel=1e-6)


def test_half_precision_halves_convolutions_too(export: Export) -> None:
    half, full = (read_pte_census(export("residual", dtype).file) for dtype in ("fp16", "fp32"))
    assert {tensor.dtype for tensor in half.weights} == {"float16"}
    assert sum(t.bytes for t in half.weights) * 2 == sum(t.bytes for t in full.weights)


def test_dynamic_quantizes_all_but_depthwise(export: Export) -> None:
    census = read_pte_census(export("residual", "int8-dynamic").file)
    assert {t.layer: t.dtype for t in census.weights} == {
        "stem.0": "int8",
        "deep": "float32",
        "wide.0": "int8",
        "head": "int8",
    }


def test_undelegated_operation_is_named_with_its_layer(export: Export) -> None:
    census = read_pte_census(export("normed", "int8").file)
    assert [(o.name, o.layer) for o in census.operations if o.delegate is None] == [("aten::native_layer_norm", "norm")]
    assert ("norm", "constant", "float32") in [(t.layer, t.role, t.dtype) for t in census.tensors]
    assert "norm" not in [t.layer for t in census.weights]


def test_borders_and_memory_are_stated(export: Export) -> None:
    census = read_pte_census(export("residual", "int8", "nhwc").file)
    assert (census.inputs[0].name, census.inputs[0].shape) == ("image", (1, 8, 8, 3))
    assert census.outputs[0].name == "scores"
    assert census.arena_bytes is not None
    assert census.arena_bytes >= 8 * 8 * 3 * 4
    assert "delegates allocate" in census.arena_source
    assert census.metadata["labels"] == "a, b, c, d, e"


def test_damaged_file_is_refused_or_read(export: Export, tmp_path: Path) -> None:
    """Whatever byte is flipped or cut off, a ConfigError names the file; nothing else escapes."""
    data = export("residual", "int8").file.read_bytes()
    chance = random.Random(0)
    path = tmp_path / "damaged.pte"
    refused = 0
    for _ in range(150):
        broken = bytearray(data)
        for _ in range(chance.randint(1, 6)):
            broken[chance.randrange(min(len(data), 9000))] = chance.randrange(256)
        path.write_bytes(broken[: chance.choice([len(data), chance.randrange(len(data))])])
        try:
            read_pte_census(path)
        except ConfigError as error:
            refused += "damaged.pte" in error.message
    assert refused > 75


def test_missing_and_foreign_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_pte_census(tmp_path / "none.pte")
    foreign = tmp_path / "foreign.pte"
    foreign.write_bytes(b"PK\x03\x04 this is a zip, not a program")
    with pytest.raises(ConfigError, match="not a readable ExecuTorch program"):
        read_pte_census(foreign)


def test_reading_needs_no_torch(export: Export) -> None:
    code = (
        "import sys; from pathlib import Path; from edgebuild.check.census.pte import read_pte_census; "
        "read_pte_census(Path(sys.argv[1])); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code, str(export("residual", "int8").file)], check=True)
