"""Kernels are chosen by what they were measured to take on the emulated core."""

from __future__ import annotations

import pytest

from edgebuild.bench.firmware.choose_kernels import MeasuredChoice, choose_by_measuring
from edgebuild.export.c.compile import CompileOptions
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


SIZES = (6 * 6 * 3, 6 * 6 * 32, 5 * 5 * 16, 32)


def chosen(options: CompileOptions) -> MeasuredChoice:
    return choose_by_measuring(model(), "layers.tflite", options, board(CORE), [bytes(size) for size in SIZES])


@pytest.fixture(scope="module")
def choice() -> MeasuredChoice:
    return chosen(CompileOptions(core=CORE))


def test_the_fastest_of_the_measured_kernels_is_taken(choice: MeasuredChoice) -> None:
    assert [len(times) > 1 for times in choice.instructions.values()] == [True] * 4
    for layer in choice.compiled.layers:
        times = choice.instructions[layer.symbol]
        assert set(times) == set(layer.candidates)
        assert times[layer.kernel] == min(times.values())


def test_a_model_with_measured_kernels_takes_what_was_measured(choice: MeasuredChoice) -> None:
    run = run_on(choice.compiled, samples_for(choice.compiled))
    for layer in choice.compiled.layers:
        counted = choice.instructions[layer.symbol][layer.kernel]
        assert abs(run.layers[layer.symbol] - counted) < 200, "values differ, not the kernel"


def test_a_kernel_that_the_caller_fixed_stays() -> None:
    fixed = {"model_layer_01": "depthwise_plain"}
    kernels = [layer.kernel for layer in chosen(CompileOptions(core=CORE, kernels=fixed)).compiled.layers]
    assert kernels[1] == "depthwise_plain"
    assert kernels[2] == "convolution_dsp"


def test_what_does_not_fit_with_the_fastest_kernels_keeps_the_compilers_own_choice(choice: MeasuredChoice) -> None:
    constants = choice.compiled.weight_bytes + choice.compiled.table_bytes
    tight = chosen(CompileOptions(core=CORE, constant_limit=constants - 1))
    assert [layer.kernel for layer in tight.compiled.layers] != []
    assert all(len(times) == 1 for times in tight.instructions.values())
