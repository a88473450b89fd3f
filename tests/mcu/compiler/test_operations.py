"""Every operation, over random geometry, padding, strides, zero points and scales, is TFLite Micro's bit for bit."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgebuild.export.c.compile import CompileOptions, compile_model
from tests.mcu.compiler import cases
from tests.mcu.compiler.flatbuffer import ModelBuilder
from tests.mcu.compiler.host import HostModel, random_inputs, run_oracle, run_reference

CASES: dict[str, tuple[st.SearchStrategy[bytes], int]] = {
    "CONV_2D": (cases.convolution(), 50),
    "CONV_2D with 4-bit weights": (cases.convolution(bits=4), 12),
    "DEPTHWISE_CONV_2D": (cases.convolution(depthwise=True), 35),
    "DEPTHWISE_CONV_2D with 4-bit weights": (cases.convolution(depthwise=True, bits=4), 6),
    "TRANSPOSE_CONV": (cases.transpose_convolution(), 25),
    "FULLY_CONNECTED": (cases.fully_connected(), 20),
    "FULLY_CONNECTED with 4-bit weights": (cases.fully_connected(bits=4), 8),
    "ADD": (cases.binary("ADD"), 20),
    "SUB": (cases.binary("SUB"), 15),
    "MUL": (cases.binary("MUL"), 15),
    "PRELU": (cases.prelu(), 10),
    "AVERAGE_POOL_2D": (cases.pool("AVERAGE_POOL_2D"), 20),
    "MAX_POOL_2D": (cases.pool("MAX_POOL_2D"), 10),
    "MEAN": (cases.mean(), 25),
    "SOFTMAX": (cases.softmax(), 15),
    "LOGISTIC": (cases.unary("LOGISTIC"), 8),
    "TANH": (cases.unary("TANH"), 8),
    "RELU": (cases.unary("RELU"), 8),
    "RELU6": (cases.unary("RELU6"), 8),
    "LEAKY_RELU": (cases.unary("LEAKY_RELU"), 20),
    "HARD_SWISH": (cases.unary("HARD_SWISH"), 8),
    "QUANTIZE and DEQUANTIZE": (cases.quantize(), 20),
    "PAD": (cases.pad(), 12),
    "TRANSPOSE": (cases.transpose(), 20),
    "CONCATENATION": (cases.concatenation(), 10),
    "SPLIT": (cases.split(), 8),
    "STRIDED_SLICE": (cases.strided_slice(), 15),
    "RESIZE_NEAREST_NEIGHBOR": (cases.resize_nearest(), 15),
}
"""What is drawn, and how many examples of it."""


def assert_equal_to_oracle(model: bytes) -> None:
    compiled = compile_model(model, "case.tflite", CompileOptions())
    host = HostModel(compiled)
    for seed in range(2):
        inputs = random_inputs(compiled, seed)
        for found, expected in zip(host.run(inputs), run_oracle(model, inputs), strict=True):
            np.testing.assert_array_equal(found, expected)


def property_of(strategy: st.SearchStrategy[bytes], examples: int) -> Callable[[], None]:
    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(model=strategy)
    def check(model: bytes) -> None:
        assert_equal_to_oracle(model)

    return check


@pytest.mark.parametrize("name", CASES)
def test_operation_is_bit_exact(name: str) -> None:
    property_of(*CASES[name])()


def test_there_are_at_least_300_cases() -> None:
    assert sum(examples for _, examples in CASES.values()) >= 300


@pytest.mark.parametrize(("before", "after"), [("float32", "uint8"), ("uint8", "float32")])
def test_types_that_only_litert_takes_equal_its_reference_kernels(before: str, after: str) -> None:
    """TFLite Micro quantizes float to int8 only, and dequantizes int8 only."""
    builder = ModelBuilder()
    source, target = (
        builder.tensor((1, 600), kind) if kind == "float32" else builder.tensor((1, 600), kind, 0.021, 117)
        for kind in (before, after)
    )
    builder.operate("DEQUANTIZE" if after == "float32" else "QUANTIZE", [source], [target], 1)
    model = builder.build([source], [target])
    compiled = compile_model(model, "edge.tflite", CompileOptions())
    inputs = random_inputs(compiled, 0)
    np.testing.assert_array_equal(HostModel(compiled).run(inputs)[0], run_reference(model, inputs)[0])


def test_floats_that_are_no_numbers_or_too_large_are_clamped() -> None:
    builder = ModelBuilder()
    source, target = builder.tensor((1, 5), "float32"), builder.tensor((1, 5), "int8", 0.5, 1)
    builder.operate("QUANTIZE", [source], [target], 1)
    compiled = compile_model(builder.build([source], [target]), "edge.tflite", CompileOptions())
    values = np.array([[np.nan, np.inf, -np.inf, 1e30, -0.25]], np.float32)
    assert HostModel(compiled).run([values])[0].tolist() == [[-128, 127, -128, 127, 0]]
