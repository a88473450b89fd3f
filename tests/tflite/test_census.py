"""The census says what is in the file, by the names of the user's layers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgebuild.check.census.tflite import read_census
from edgebuild.errors import ConfigError
from edgebuild.runtime.litert_flatbuffer import read_model, serialize_model
from tests.tflite.nets import Workbench


def test_every_operation_and_weight_has_its_layer(classifier: Workbench) -> None:
    file, record = classifier.quantized("census-int8", "int8", "int8", "nhwc")
    census = read_census(file)
    assert [(operation.name, operation.layer) for operation in census.operations] == [
        ("PAD", "stem.0"),
        ("CONV_2D", "stem.0"),
        ("DEPTHWISE_CONV_2D", "left.0.depth_wise"),
        ("CONV_2D", "left.0.point_wise"),
        ("ADD", "left.0"),
        ("DEPTHWISE_CONV_2D", "right.0.depth_wise"),
        ("CONV_2D", "right.0.point_wise"),
        ("ADD", "right.0"),
        ("MEAN", "pool"),
        ("FULLY_CONNECTED", "fc"),
    ]
    assert {weight.layer for weight in census.weights} == set(record.layers)
    assert all(weight.name == f"{weight.layer}/weight" for weight in census.weights)


def test_roles_dtypes_and_values_are_read_from_the_weights(classifier: Workbench) -> None:
    file, _ = classifier.quantized("census-values", "int8", "int8", "nhwc")
    census = read_census(file)
    stem = next(tensor for tensor in census.tensors if tensor.name == "stem.0/weight")
    assert (stem.dtype, stem.shape, stem.bytes, stem.axis, len(stem.scale)) == ("int8", (16, 3, 3, 3), 432, 0, 16)
    model = read_model(file)
    stored = np.asarray(model.buffers[model.subgraphs[0].tensors[stem.index].buffer].data).view(np.int8)
    assert (stem.sparsity, stem.distinct) == (np.mean(stored == 0), np.unique(stored).size)
    biases = [tensor for tensor in census.tensors if tensor.role == "bias"]
    assert {tensor.dtype for tensor in biases} == {"int32"}
    assert [(io.name, io.dtype, io.shape) for io in census.inputs] == [("image", "int8", (1, 16, 16, 3))]
    assert census.inputs[0].scale is not None


@pytest.mark.parametrize(("dtype", "stored"), [("fp16", "float16"), ("int8-weight-only", "int8")])
def test_a_decoded_weight_is_still_the_weight(classifier: Workbench, dtype: str, stored: str) -> None:
    file, record = classifier.quantized(f"census-{dtype}", dtype, "float32", "nhwc")
    weights = read_census(file).weights
    assert {weight.dtype for weight in weights} == {stored}
    assert {weight.layer for weight in weights} == set(record.layers)


def test_versions_and_minimum_runtime_follow_the_types(classifier: Workbench) -> None:
    versions = {}
    for dtype, io in (("fp32", "float32"), ("int8-dynamic", "float32"), ("int16x8", "int16")):
        census = read_census(classifier.quantized(f"versions-{dtype}", dtype, io, "nhwc")[0])
        versions[dtype] = {operation.name: operation.version for operation in census.operations}
        versions[dtype]["runtime"] = census.min_runtime
    assert (versions["fp32"]["CONV_2D"], versions["int8-dynamic"]["CONV_2D"]) == (1, 5)
    assert versions["int8-dynamic"]["DEPTHWISE_CONV_2D"] == 6
    assert versions["int16x8"]["ADD"] == 3
    assert [versions[dtype]["runtime"] for dtype in versions] == ["2.0.0", "2.4.0", "2.4.0"]


def test_the_arena_holds_the_largest_pair_of_neighbours(classifier: Workbench) -> None:
    census = read_census(classifier.quantized("arena", "fp32", "float32", "nhwc")[0])
    sizes = {tensor.index: int(np.prod(tensor.shape)) * 4 for tensor in census.tensors if tensor.bytes == 0}
    neighbours = max(
        sum(sizes.get(index, 0) for index in (*operation.inputs, *operation.outputs)) for operation in census.operations
    )
    assert census.arena_bytes is not None
    assert neighbours <= census.arena_bytes < sum(sizes.values())
    assert "greedy by size" in census.arena_source


def test_the_host_delegate_is_told(classifier: Workbench) -> None:
    float_file, _ = classifier.quantized("delegate-fp32", "fp32", "float32", "nhwc")
    wide_file, _ = classifier.quantized("delegate-16", "int16x8", "int16", "nhwc")
    assert read_census(float_file).metadata["host_delegate"] == "XNNPACK takes 10 of 10 operations"
    assert read_census(wide_file).metadata["host_delegate"].startswith("XNNPACK takes 0 of 10 operations")


def test_a_second_subgraph_is_counted_too(classifier: Workbench, tmp_path: Path) -> None:
    file, _ = classifier.quantized("subgraphs", "fp32", "float32", "nhwc")
    model = read_model(file)
    model.subgraphs.append(model.subgraphs[0])
    (tmp_path / "two.tflite").write_bytes(serialize_model(model))
    one, two = read_census(file), read_census(tmp_path / "two.tflite")
    assert len(two.operations) == 2 * len(one.operations)
    assert [tensor.index for tensor in two.tensors] == list(range(2 * len(one.tensors)))
    assert two.operations[-1].outputs[0] == one.operations[-1].outputs[0] + len(one.tensors)


def test_damaged_and_foreign_files_are_refused(classifier: Workbench, tmp_path: Path) -> None:
    whole = classifier.quantized("whole", "fp32", "float32", "nhwc")[0].read_bytes()
    broken = tmp_path / "broken.tflite"
    for size in (0, 7, 40, 400, len(whole) // 2):
        broken.write_bytes(whole[:size])
        with pytest.raises(ConfigError, match=r"broken\.tflite is (damaged|not a \.tflite file)"):
            read_census(broken)
    broken.write_bytes(b"PK\x03\x04 this is a zip, perhaps")
    with pytest.raises(ConfigError, match="expected the identifier b'TFL3' at byte 4"):
        read_census(broken)
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_census(tmp_path / "absent.tflite")
