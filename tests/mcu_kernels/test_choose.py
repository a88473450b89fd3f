"""Kernels are chosen by what they were measured to take on the emulated core."""

from __future__ import annotations

import pytest

from edgebuild.bench.firmware.choose import Choice, measure_kernels, with_measured_kernels
from edgebuild.export.c.compile import CompileOptions, compile_model
from tests.emulated.boards import board
from tests.mcu_kernels.firmware import run_on, samples_for
from tests.mcu_kernels.layers import NONE, RELU, LayerBatch

CORE = "cortex-m4"


def model() -> bytes:
    batch = LayerBatch(7)
    batch.depthwise((6, 6), 3, clamp=RELU)
    batch.depthwise((6, 6), 32, clamp=RELU)
    batch.convolve((5, 5), (16, 8), clamp=RELU)
    batch.connect(1, 32, 2, clamp=NONE)
    return batch.build()


@pytest.fixture(scope="module")
def choices() -> tuple[Choice, ...]:
    return measure_kernels(model(), "layers.tflite", CompileOptions(core=CORE), board(CORE))


def test_the_fastest_of_the_measured_kernels_is_taken(choices: tuple[Choice, ...]) -> None:
    assert [len(choice.instructions) > 1 for choice in choices] == [True] * 4
    for choice in choices:
        assert choice.instructions[choice.kernel] == min(choice.instructions.values())


def test_a_model_with_measured_kernels_takes_what_was_measured(choices: tuple[Choice, ...]) -> None:
    options = with_measured_kernels(model(), "layers.tflite", CompileOptions(core=CORE), board(CORE))
    compiled = compile_model(model(), "layers.tflite", options)
    assert [layer.kernel for layer in compiled.layers] == [choice.kernel for choice in choices]
    run = run_on(compiled, samples_for(compiled))
    for choice in choices:
        assert abs(run.layers[choice.symbol] - choice.instructions[choice.kernel]) < 200, (
            "values differ, not the kernel"
        )


def test_a_kernel_that_the_caller_fixed_stays() -> None:
    fixed = {"model_layer_01": "depthwise_plain"}
    options = with_measured_kernels(model(), "layers.tflite", CompileOptions(core=CORE, kernels=fixed), board(CORE))
    assert options.kernels["model_layer_01"] == "depthwise_plain"
    assert options.kernels["model_layer_02"] == "convolution_dsp"
