"""Sparse weights: what runtimes make of them, that they are the dense ones, and what the checks find where not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgebuild.check.census.tflite import take_census
from edgebuild.check.dense_twin import twin_findings
from edgebuild.config.registries import CLAIMS, RULES, RUNTIMES
from edgebuild.errors import ConfigError, ToolError
from edgebuild.export.c.compile import CompileOptions, compile_model
from edgebuild.export.feed import raw_outputs
from edgebuild.export.tflite import sparse
from edgebuild.runtime.litert_flatbuffer import operator_name, parse_model, serialize_model, tensor_name
from edgebuild.runtime.tflite_micro import reference_outputs, reference_version
from tests.check.conftest import Export
from tests.check.workshop import File, export, promise, samples

ACCEPTED = {
    "fp32": {"depthwise.0", "body.0", "fc"},
    "fp16": {"depthwise.0", "body.0", "fc"},
    "int8": {"depthwise.0", "body.0"},
    "int8-weight-only": {"depthwise.0", "body.0", "fc"},
    "int16x8": {"depthwise.0", "body.0", "fc"},
}
"""dtype -> layers that become smaller, as far as every runtime takes them."""
RUN = [name for name in ("litert", "litert-builtin", "tflite-runtime") if RUNTIMES.get(name).version()]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, File]:
    root = tmp_path_factory.mktemp("sparse")
    return {dtype: export(root / dtype, "thinned", "tflite", dtype, options={"sparse": True}) for dtype in ACCEPTED}


def outputs(runtime: str, file: File, path: Path) -> np.ndarray:
    session = RUNTIMES.get(runtime).open(path, 1)
    try:
        return raw_outputs(session, file.record, {"image": samples()})["scores"]
    finally:
        session.close()


@pytest.mark.parametrize("dtype", ACCEPTED)
def test_every_runtime_computes_the_same_from_the_smaller_file(files: dict[str, File], dtype: str) -> None:
    file = files[dtype]
    dense = file.path.with_name("dense.tflite")
    assert {tensor.layer for tensor in file.census.tensors if tensor.is_sparse} == ACCEPTED[dtype]
    assert file.path.stat().st_size < dense.stat().st_size
    for runtime in RUN:
        assert np.array_equal(outputs(runtime, file, file.path), outputs(runtime, file, dense)), runtime


@pytest.mark.parametrize("dtype", ACCEPTED)
def test_the_numbers_are_those_of_the_dense_file(files: dict[str, File], dtype: str) -> None:
    """The census sees the same weights in both, digest for digest; the twins are told to be one model."""
    file = files[dtype]
    dense = take_census(file.path.with_name("dense.tflite").read_bytes(), "dense", file.layers)
    facts = [
        {(one.layer, one.dtype, one.shape, one.scale, one.digest, one.sparsity, one.zero_places) for one in weights}
        for weights in (file.census.weights, dense.weights)
    ]
    assert facts[0] == facts[1]
    (note,) = twin_findings(file.path, file.path.with_name("dense.tflite"))
    assert (note.code, note.severity) == ("sparse-storage", "note")
    assert note.message.startswith(f"{len(ACCEPTED[dtype])} weight")


def test_a_changed_number_is_found(files: dict[str, File], tmp_path: Path) -> None:
    file = files["int8"]
    model = parse_model(file.path.read_bytes(), "sparse")
    tensor = next(one for one in model.subgraphs[0].tensors if one.sparsity is not None)
    data = model.buffers[tensor.buffer].data.copy()
    data[0] ^= 1
    model.buffers[tensor.buffer].data = data
    (tmp_path / "changed.tflite").write_bytes(serialize_model(model))
    (finding,) = twin_findings(tmp_path / "changed.tflite", file.path.with_name("dense.tflite"))
    assert (finding.severity, finding.message) == (
        "fatal",
        "changed.tflite and its dense twin do not have the same numbers in body.0/weight",
    )


def test_what_was_asked_and_is_not_there_is_found(tflite: Export) -> None:
    rule, dense = RULES.get("sparse-storage"), tflite("plain", "int8")
    assert rule.check(dense.census, promise("tflite", "int8"), dense.layers) == []
    (finding,) = rule.check(dense.census, promise("tflite", "int8", options={"sparse": True}), dense.layers)
    assert finding.message.startswith("export.options.sparse asked, but no weight is stored sparsely")


def test_a_kernel_that_reads_a_sparse_weight_as_it_is_computes_wrong_and_is_found(files: dict[str, File]) -> None:
    file = files["int8"]
    model = parse_model(file.path.read_bytes(), "bare")
    graph = model.subgraphs[0]
    unpack = [one for one in graph.operators if operator_name(model, one) == "DENSIFY"][-1]
    stored, decoded = int(unpack.inputs[0]), int(unpack.outputs[0])
    graph.tensors[stored].quantization = graph.tensors[decoded].quantization
    graph.operators.remove(unpack)
    for operator in graph.operators:
        operator.inputs = np.where(operator.inputs == decoded, stored, operator.inputs).astype(np.int32)
    bare = file.with_bytes(serialize_model(model))
    (finding,) = bare.findings("sparse-storage", promise("tflite", "int8"))
    assert finding.message == (
        "sparse weights without DENSIFY, which runtimes read as dense ones without an error: body.0"
    )
    path = file.path.with_name("other.tflite")
    assert not np.array_equal(outputs("litert", file, path), outputs("litert", file, file.path))


def test_what_is_refused_is_refused_by_the_runtime(
    files: dict[str, File], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Should a later LiteRT take it, this says so."""
    monkeypatch.setattr(sparse, "REFUSED", frozenset())
    file = files["int8"]
    data = sparse.store_sparsely(file.path.with_name("dense.tflite").read_bytes(), "all")
    (tmp_path / "all.tflite").write_bytes(data)
    with pytest.raises(ToolError, match="failed to delegate FULLY_CONNECTED"):
        outputs("litert", file, tmp_path / "all.tflite")
    builtin = outputs("litert-builtin", file, tmp_path / "all.tflite")
    assert np.array_equal(builtin, outputs("litert-builtin", file, file.path))


@pytest.mark.skipif(reference_version() is None, reason="tflite-micro is not installed")
def test_microcontrollers_do_not_take_it(files: dict[str, File]) -> None:
    data = files["int8"].path.read_bytes()
    with pytest.raises(ToolError, match="TFLite Micro cannot run the model"):
        reference_outputs(data, [[np.zeros((1, 8, 8, 3), np.int8)]], 1)
    with pytest.raises(ConfigError, match="is stored sparse, expected dense values"):
        compile_model(data, "sparse.tflite", CompileOptions())


def test_the_note_on_zeros_says_what_is_stored(files: dict[str, File], tflite: Export) -> None:
    claim = {"claim": "stored_zeros", "step": "prune", "layers": ["body.0", "fc"]}
    (note,) = CLAIMS.get("stored_zeros").check(files["int8"].census, claim).findings
    assert note.severity == "note"
    assert "zeros not stored, " in note.message
    assert "stored like any other number (fc)" in note.message
    (all_dense,) = CLAIMS.get("stored_zeros").check(tflite("thinned", "int8").census, claim).findings
    assert "is no smaller and runs no faster for them" in all_dense.message


def test_damaged_indices_are_told(files: dict[str, File]) -> None:
    model = parse_model(files["int8"].path.read_bytes(), "damaged")
    tensor = next(one for one in model.subgraphs[0].tensors if one.sparsity is not None)
    tensor.sparsity.dimMetadata[-1].arrayIndices.values = np.full(
        len(tensor.sparsity.dimMetadata[-1].arrayIndices.values), 255, np.uint8
    )
    assert tensor_name(tensor) == "body.0/weight_sparse"
    with pytest.raises(ConfigError, match="a weight in sparse storage is damaged"):
        take_census(serialize_model(model), "damaged.tflite")
