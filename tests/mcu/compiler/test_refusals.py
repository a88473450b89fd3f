"""What cannot be compiled is refused with operation, version, tensor, layer, and what is supported."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from edgebuild.errors import ConfigError
from edgebuild.export.c.compile import CompileOptions, compile_model
from tests.mcu.compiler.flatbuffer import ModelBuilder
from tests.mcu.compiler.test_graphs import pointwise_pair


def float_activations() -> bytes:
    builder = ModelBuilder()
    source, target = (builder.tensor((1, 4), "float32") for _ in range(2))
    builder.operate("RELU", [source], [target])
    return builder.build([source], [target])


def run_time_weights() -> bytes:
    builder = ModelBuilder()
    source, weights, target = (builder.tensor(shape, "int8", 0.1, 0) for shape in ((1, 4), (3, 4), (1, 3)))
    builder.operate("FULLY_CONNECTED", [source, weights, None], [target], 4)
    return builder.build([source, weights], [target])


def asymmetric_weights() -> bytes:
    builder = ModelBuilder()
    source, target = (builder.tensor(shape, "int8", 0.1, 0) for shape in ((1, 4), (1, 3)))
    weights = builder.tensor((3, 4), "int8", 0.1, 7, np.ones((3, 4)))
    builder.operate("FULLY_CONNECTED", [source, weights, None], [target], 4)
    return builder.build([source], [target])


def huge_bias() -> bytes:
    builder = ModelBuilder()
    source, target = (builder.tensor(shape, "int8", 0.1, 0) for shape in ((1, 4), (1, 1)))
    weights = builder.tensor((1, 4), "int8", 0.1, 0, np.ones((1, 4)))
    bias = builder.tensor((1,), "int32", 0.01, 0, np.array([2**30]))
    builder.operate("FULLY_CONNECTED", [source, weights, bias], [target], 4)
    return builder.build([source], [target])


def unequal_concatenation() -> bytes:
    builder = ModelBuilder()
    one = builder.tensor((1, 4), "int8", 0.1, 0)
    two = builder.tensor((1, 4), "int8", 0.2, 3)
    target = builder.tensor((1, 8), "int8", 0.1, 0)
    builder.operate("CONCATENATION", [one, two], [target], 2, axis=1)
    return builder.build([one, two], [target])


def sixteen_bits() -> bytes:
    builder = ModelBuilder()
    source, target = (builder.tensor((1, 4), "int16", 0.1, 0) for _ in range(2))
    builder.operate("ADD", [source, source], [target], 3)
    return builder.build([source], [target])


def tanh_operation() -> bytes:
    builder = ModelBuilder()
    source, target = builder.tensor((1, 4), "int8", 0.1, 0), builder.tensor((1, 4), "int8", 0.1, 5)
    builder.operate("LOGISTIC", [source], [target])
    return builder.build([source], [target])


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (float_activations, "RELU version 1 (operation 0, layer 't1'): tensor 't0' is float32, expected int8"),
        (run_time_weights, "FULLY_CONNECTED version 4 (operation 0, layer 't2'): its weights are computed at run time"),
        (asymmetric_weights, "tensor 't2' has a zero point other than 0"),
        (huge_bias, "its sums may reach 1073742844, expected less than 1073741824"),
        (unequal_concatenation, "tensor 't1' has scale 0.2 and zero point 3, expected scale 0.1 and zero point 0"),
        (sixteen_bits, "ADD version 3 (operation 0, layer 't1'): tensor 't0' is int16, expected int8"),
        (tanh_operation, "tensor 't1' has the zero point 5, expected -128"),
    ],
)
def test_the_message_names_it_all(model: Callable[[], bytes], expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        compile_model(model(), "user.tflite", CompileOptions())
    assert caught.value.message.startswith("user.tflite cannot be compiled:")
    assert expected in caught.value.message
    assert "; supported: int8" in caught.value.message
    assert caught.value.remedy is not None


def test_all_problems_are_named_at_once() -> None:
    builder = ModelBuilder()
    tensors = [builder.tensor((1, 4), "float32") for _ in range(3)]
    builder.operate("RELU", [tensors[0]], [tensors[1]])
    builder.operate("COS", [tensors[1]], [tensors[2]])
    with pytest.raises(ConfigError, match=r"(?s)RELU version 1.*COS version 1"):
        compile_model(builder.build([tensors[0]], [tensors[2]]), "user.tflite", CompileOptions())


@pytest.mark.parametrize("data", [b"", b"not a model at all", pointwise_pair()[:200]])
def test_damaged_files_are_refused(data: bytes) -> None:
    with pytest.raises(ConfigError):
        compile_model(data, "user.tflite", CompileOptions())


def test_a_kernel_that_cannot_compute_a_layer_is_refused_with_those_that_can() -> None:
    options = CompileOptions(kernels={"model_layer_00": "pool_plain"})
    with pytest.raises(ConfigError) as caught:
        compile_model(pointwise_pair(), "user.tflite", options)
    assert "kernel 'pool_plain' cannot compute model_layer_00 (CONV_2D" in caught.value.message
    assert caught.value.remedy is not None
    assert "pointwise_plain" in caught.value.remedy


def test_the_wanted_kernel_is_taken() -> None:
    options = CompileOptions(kernels={"model_layer_00": "convolution_plain"})
    compiled = compile_model(pointwise_pair(), "user.tflite", options)
    assert [layer.kernel for layer in compiled.layers] == ["convolution_plain", "pointwise_plain"]


def test_an_unknown_core_is_refused_with_all_that_are_known() -> None:
    with pytest.raises(ConfigError, match="unknown core 'cortex-m5'; did you mean 'cortex-m55'"):
        compile_model(pointwise_pair(), "user.tflite", CompileOptions(core="cortex-m5"))
