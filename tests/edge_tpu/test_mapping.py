"""Every reason for which an operation stays on the CPU, each on a file that has just this one thing wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from edgebuild.check.accelerators.edge_tpu.mapping import Mapping, map_operations
from edgebuild.check.accelerators.edge_tpu.report import report_on
from edgebuild.check.accelerators.edge_tpu.supported import SUPPORTED
from edgebuild.check.census.tflite import take_structure
from tests.edge_tpu.files import Net, image

Build = Callable[[Net, int], int]


def mapping_of(build: Build, **more: Any) -> Mapping:
    """The mapping of a net that `build` makes behind its input."""
    net = Net()
    output = build(net, image(net, **more))
    return map_operations(take_structure(net.data(output), "net.tflite"))


def unary(name: str, **options: Any) -> Build:
    return lambda net, x: net.operation(name, [x], [net.tensor((1, 8, 8, 4))], **options)


def reduce(name: str, axes: list[int], shape: tuple[int, ...]) -> Build:
    return lambda net, x: net.operation(name, [x, net.constant(axes)], [net.tensor(shape)])


def pair(first: int, second: int) -> Build:
    """A concatenation of `first` computed tensors and `second` stored ones."""

    def build(net: Net, x: int) -> int:
        stored = [net.weight((1, 8, 8, 4)) for _ in range(second)]
        total = 4 * (first + second)
        return net.operation("CONCATENATION", [*[x] * first, *stored], [net.tensor((1, 8, 8, total))], axis=3)

    return build


def with_a_constant(value: int) -> Build:
    """A concatenation of a computed tensor and a stored one of the same number throughout."""

    def build(net: Net, x: int) -> int:
        stored = net.tensor((1, 8, 8, 4), stored=np.full((1, 8, 8, 4), value))
        return net.operation("CONCATENATION", [x, stored], [net.tensor((1, 8, 8, 8))], axis=3)

    return build


def open_size(net: Net, x: int) -> int:
    """As converters write a model for images of any size: 1 stands for what is open."""
    output = net.operation("RELU", [x], [net.tensor((1, 1, 1, 4))])
    net.leave_open(output, (-1, -1, -1, 4))
    return output


def open_batch(net: Net, x: int) -> int:
    output = net.operation("RELU", [x], [net.tensor((1, 8, 8, 4))])
    net.leave_open(output, (-1, 8, 8, 4))
    return output


def sliced(strides: list[int], **options: Any) -> Build:
    def build(net: Net, x: int) -> int:
        begin, end = net.constant([0, 0, 0, 0]), net.constant([1, 8, 8, 4])
        output = net.tensor((1, 8 // strides[1], 8, 4))
        return net.operation("STRIDED_SLICE", [x, begin, end, net.constant(strides)], [output], **options)

    return build


def padded(pads: list[list[int]]) -> Build:
    return lambda net, x: net.operation("PAD", [x, net.constant(pads)], [net.tensor((1, 8, 8, 4))])


def prelu(shape: tuple[int, ...]) -> Build:
    return lambda net, x: net.operation("PRELU", [x, net.weight(shape)], [net.tensor((1, 8, 8, 4))])


def split(axis: int) -> Build:
    def build(net: Net, x: int) -> int:
        halves = [net.tensor((1, 8, 4, 4)) for _ in range(2)]
        return net.operation("SPLIT", [net.constant(axis), x], halves, numSplits=2)

    return build


def computed_weights(net: Net, x: int) -> int:
    kernel = net.operation("RESHAPE", [x], [net.tensor((1, 8, 8, 4))])
    options = {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
    return net.operation("CONV_2D", [x, kernel, -1], [net.tensor((1, 8, 8, 4))], 3, **options)


def float_weights(net: Net, x: int) -> int:
    kernel = net.tensor((4, 1, 1, 4), "float32", stored=np.ones((4, 1, 1, 4)))
    options = {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
    return net.operation("CONV_2D", [x, kernel, -1], [net.tensor((1, 8, 8, 4))], 3, **options)


FAULTS: dict[str, tuple[Build, str]] = {
    "no result": (lambda net, x: net.operation("RELU", [x], []), "makes no tensor"),
    "no axes": (
        lambda net, x: net.operation("MEAN", [x], [net.tensor((1, 4))], keepDims=False),
        "has no constant axes to reduce over",
    ),
    "float weights": (float_weights, "has weights in float32, expected int8 or uint8"),
    "unknown operation": (unary("HARD_SWISH"), "is not among the supported operations"),
    "float": (
        lambda net, x: net.operation("RELU", [x], [net.tensor((1, 8, 8, 4), "float32")]),
        "computes in float32, expected int8 or uint8",
    ),
    "int16": (
        lambda net, x: net.operation("RELU", [x], [net.tensor((1, 8, 8, 4), "int16")]),
        "computes in int16, expected int8 or uint8",
    ),
    "no scale": (
        lambda net, x: net.operation("RELU", [x], [net.tensor((1, 8, 8, 4), scales=0)]),
        "works on int8 that has no scale, expected quantized values",
    ),
    "dynamic": (
        lambda net, x: net.operation("RELU", [x], [net.tensor((-1, 8, 8, 4))]),
        "has a dynamic shape [-1, 8, 8, 4]",
    ),
    "fused pool": (unary("MAX_POOL_2D", fusedActivationFunction=1), "has a fused activation (RELU), expected none"),
    "fused average": (
        unary("AVERAGE_POOL_2D", fusedActivationFunction=3),
        "has a fused activation (RELU6), expected none",
    ),
    "dilation": (
        lambda net, x: net.convolution(x, 4, dilationHFactor=2),
        "is dilated by 2 in height and 1 in width, expected the same",
    ),
    "computed weights": (computed_weights, "has weights that are computed (t1), expected constants"),
    "dense per channel": (
        lambda net, x: net.dense(net.operation("RESHAPE", [x], [net.tensor((1, 256))]), 8, scales=8),
        "has 8 scales of its weight, one a channel; expected one for the whole tensor",
    ),
    "dense format": (
        lambda net, x: net.dense(net.operation("RESHAPE", [x], [net.tensor((1, 256))]), 8, weightsFormat=1),
        "has weights in format 1, expected the default",
    ),
    "dense of a matrix": (
        lambda net, x: net.dense(net.operation("RESHAPE", [x], [net.tensor((8, 32))]), 8),
        "has an output of shape [8, 8], expected one dimension larger than 1",
    ),
    "softmax of a matrix": (
        lambda net, x: net.operation("SOFTMAX", [x], [net.tensor((1, 8, 8, 4))], beta=1.0),
        "has an input of shape [1, 8, 8, 4], expected one dimension larger than 1",
    ),
    "three with a constant": (
        pair(2, 1),
        "has a constant (t1) among 3 inputs, expected 2 inputs where one is constant",
    ),
    "a constant that is not zero": (
        with_a_constant(1),
        "joins a constant (t1) that is not all zero, expected zeros",
    ),
    "open size": (open_size, "has a dynamic shape [1, -1, -1, 4]"),
    "compiled": (
        lambda net, x: net.custom("edgetpu-custom-op", x, (1, 8, 8, 4)),
        "is what the compiler makes of a model: this file is compiled already",
    ),
    "mean of the batch": (reduce("MEAN", [0, 1], (8, 4)), "reduces the batch dimension"),
    "sum of the batch": (reduce("SUM", [-4], (8, 8, 4)), "reduces the batch dimension"),
    "pack along the batch": (
        lambda net, x: net.operation("PACK", [x], [net.tensor((1, 1, 8, 8, 4))], axis=0, valuesCount=1),
        "packs along the batch dimension",
    ),
    "split of the batch": (split(0), "splits the batch dimension"),
    "pad of the batch": (padded([[0, 1], [0, 0], [0, 0], [0, 0]]), "pads the batch dimension"),
    "slopes of a picture": (prelu((8, 8, 4)), "has slopes of shape [8, 8, 4], expected one a channel"),
    "strides": (sliced([1, 2, 1, 1]), "has strides [1, 2, 1, 1], expected 1 everywhere"),
    "mask": (sliced([1, 1, 1, 1], newAxisMask=1), "has a mask (newAxisMask), expected none"),
}

FINE: dict[str, Build] = {
    "pool": unary("MAX_POOL_2D"),
    "convolution": lambda net, x: net.convolution(
        x, 4, fusedActivationFunction=1, dilationHFactor=2, dilationWFactor=2
    ),
    "dense": lambda net, x: net.dense(net.operation("RESHAPE", [x], [net.tensor((1, 256))]), 8),
    "two with zeros": with_a_constant(0),
    "open batch": open_batch,
    "mean over space": reduce("MEAN", [1, 2], (1, 4)),
    "mean over four channels": reduce("MEAN", [3], (1, 8, 8)),
    "sum over space": reduce("SUM", [-2], (1, 8, 4)),
    "pack": lambda net, x: net.operation("PACK", [x], [net.tensor((1, 1, 8, 8, 4))], axis=1, valuesCount=1),
    "split": split(2),
    "pad": padded([[0, 0], [0, 1], [0, 1], [0, 0]]),
    "slopes of channels": prelu((1, 1, 4)),
    "slice": sliced([1, 1, 1, 1]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_each_reason_is_found_and_named(fault: str) -> None:
    build, reason = FAULTS[fault]
    left = mapping_of(build).left
    assert [operation.reason for operation in left] == [reason]


@pytest.mark.parametrize("case", FINE)
def test_what_is_right_is_mapped(case: str) -> None:
    mapping = mapping_of(FINE[case])
    assert mapping.left == ()
    assert len(mapping.mapped) == len(mapping.operations)


@pytest.mark.parametrize(("classes", "mapped"), [(16_000, 1), (16_001, 0)])
def test_softmax_over_too_many_classes(classes: int, mapped: int) -> None:
    def build(net: Net, x: int) -> int:
        return net.operation("SOFTMAX", [x], [net.tensor((1, classes))], beta=1.0)

    assert len(mapping_of(build, shape=(1, classes)).mapped) == mapped


def test_only_the_innermost_three_dimensions_may_be_larger_than_one() -> None:
    mapping = mapping_of(lambda net, x: net.convolution(x, 4), shape=(2, 8, 8, 4))
    assert mapping.left[0].reason == ("has shape [2, 8, 8, 4]: only the innermost 3 dimensions may be larger than 1")


def test_three_channels_have_no_mean_on_the_edge_tpu() -> None:
    mapping = mapping_of(reduce("MEAN", [3], (1, 8, 8)), shape=(1, 8, 8, 3))
    assert mapping.left[0].reason == "reduces 3 channels, expected a multiple of 4"


def test_everything_behind_the_first_unsupported_operation_stays_on_the_cpu() -> None:
    def build(net: Net, x: int) -> int:
        swish = net.operation("HARD_SWISH", [net.convolution(x, 8)], [net.tensor((1, 8, 8, 8))])
        return net.convolution(net.convolution(swish, 8), 4)

    mapping = mapping_of(build)
    assert [operation.mapped for operation in mapping.operations] == [True, False, False, False]
    assert mapping.partition is not None
    assert (mapping.partition.name, mapping.partition.index) == ("HARD_SWISH", 1)
    assert [operation.own for operation in mapping.operations[1:]] == [True, False, False]
    assert "only the first part of a model is compiled" in mapping.operations[3].reason


def test_a_branch_beside_the_unsupported_operation_is_still_compiled() -> None:
    def build(net: Net, x: int) -> int:
        first = net.convolution(x, 8)
        swish = net.operation("HARD_SWISH", [first], [net.tensor((1, 8, 8, 8))])
        other = net.convolution(first, 8)
        return net.operation("ADD", [swish, other], [net.tensor((1, 8, 8, 8))])

    assert [operation.mapped for operation in mapping_of(build).operations] == [True, False, True, False]


def test_an_unsupported_start_moves_the_compiled_part_behind_it() -> None:
    """As the compiler's logs show for models with a float input: QUANTIZE stays on the CPU, all the rest is mapped."""

    def build(net: Net, x: int) -> int:
        quantized = net.operation("QUANTIZE", [x], [net.tensor((1, 8, 8, 4))])
        result = net.convolution(quantized, 4)
        return net.operation("DEQUANTIZE", [result], [net.tensor((1, 8, 8, 4), "float32")], 2)

    mapping = mapping_of(build, dtype="float32")
    assert [operation.mapped for operation in mapping.operations] == [False, True, False]
    assert [operation.for_caller for operation in mapping.operations] == [True, False, True]
    assert mapping.left == ()
    assert mapping.partition is None


def test_a_version_that_the_compiler_does_not_know_refuses_the_whole_file() -> None:
    mapping = mapping_of(lambda net, x: net.convolution(net.convolution(x, 4), 4, version=6))
    assert len(mapping.refusals) == 1
    assert mapping.refusals[0].startswith("CONV_2D version 6")
    assert mapping.mapped == ()
    assert {one.reason for one in mapping.operations} == {"is in a file that the compiler refuses as a whole"}


def grouped(net: Net, x: int) -> int:
    options = {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
    return net.operation("CONV_2D", [x, net.weight([4, 3, 3, 2]), -1], [net.tensor((1, 8, 8, 4))], 6, **options)


@pytest.mark.parametrize(
    ("build", "repair"),
    [
        (grouped, "write the grouped CONV_2D"),
        (lambda net, x: net.convolution(x, 4, version=6), "lower version 6 of CONV_2D"),
        (
            lambda net, x: net.operation(
                "TRANSPOSE_CONV", [x], [net.tensor((1, 8, 8, 4))], 4, fusedActivationFunction=1
            ),
            "move the activation out of TRANSPOSE_CONV",
        ),
    ],
)
def test_what_makes_a_refused_file_readable(build: Build, repair: str) -> None:
    net = Net()
    output = build(net, image(net))
    report = report_on(take_structure(net.data(output), "net.tflite"))
    assert any(sentence.startswith(repair) for sentence in report.repairs), report.repairs


def test_an_operation_in_no_version_that_the_compiler_knows_is_replaced_not_lowered() -> None:
    net = Net()
    output = net.operation("GELU", [image(net)], [net.tensor((1, 8, 8, 4))], 2)
    report = report_on(take_structure(net.data(output), "net.tflite"))
    assert [sentence.split()[:2] for sentence in report.repairs] == [["replace", "GELU"]]


@pytest.mark.parametrize(("name", "known", "unknown"), [("CONV_2D", 5, 6), ("TRANSPOSE_CONV", 3, 4), ("EXP", 1, 2)])
def test_the_versions_that_compiler_16_is_documented_to_know(name: str, known: int, unknown: int) -> None:
    def build(version: int) -> Build:
        return lambda net, x: net.operation(name, [x], [net.tensor((1, 8, 8, 4))], version)

    assert mapping_of(build(known)).refusals == ()
    assert len(mapping_of(build(unknown)).refusals) == 1


@pytest.mark.parametrize(
    ("fault", "repair"),
    [
        ("unknown operation", "replace HARD_SWISH"),
        ("three with a constant", "split CONCATENATION"),
        ("a constant that is not zero", "join zeros in CONCATENATION"),
        ("compiled", "inspect the file that it was compiled from"),
        ("fused pool", "move the activation out of MAX_POOL_2D"),
        ("dense per channel", "export.options.fully_connected: per_tensor"),
        ("dynamic", "export the model with fixed shapes"),
        ("int16", "dtype int8"),
    ],
)
def test_a_repair_is_suggested(fault: str, repair: str) -> None:
    net = Net()
    output = FAULTS[fault][0](net, image(net))
    report = report_on(take_structure(net.data(output), "net.tflite"))
    assert any(repair in sentence for sentence in report.repairs), report.repairs


def test_an_unsupported_tail_is_moved_off_the_model() -> None:
    net = Net()
    x = image(net)
    for _ in range(6):
        x = net.convolution(x, 4)
    end = net.operation("ARG_MAX", [x, net.constant(3)], [net.tensor((1, 8, 8), "int32")], 2)
    report = report_on(take_structure(net.data(end), "net.tflite"))
    assert any(repair.startswith("end the model before ARG_MAX") for repair in report.repairs)


def test_every_supported_operation_has_demands_that_can_be_asked() -> None:
    """No demand may fail on an operation that lacks what it looks at."""
    for name in SUPPORTED:
        net = Net()
        x = image(net)
        net.operation(name, [x], [net.tensor((1, 8, 8, 4))])
        assert len(map_operations(take_structure(net.data(x), "net.tflite")).operations) == 1
