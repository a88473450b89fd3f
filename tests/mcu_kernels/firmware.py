"""Runs a model on an emulated core and compares it with TFLite Micro."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edgebuild.bench.firmware.run import FirmwareRun, run_firmware
from edgebuild.export.c.choose import candidates
from edgebuild.export.c.compile import CompiledModel, CompileOptions, compile_model
from edgebuild.export.c.cores import find_core
from edgebuild.export.c.legalise import legalise
from edgebuild.export.c.read import read_graph
from tests.emulated.boards import board
from tests.mcu.compiler.host import random_inputs, run_oracle

STACK_LIMIT = 256


def compile_for(model: bytes, core: str, kernels: Mapping[str, str] | None = None) -> CompiledModel:
    return compile_model(model, "layers.tflite", CompileOptions(core=core, kernels=kernels or {}))


def second_choices(model: bytes, core: str) -> dict[str, str]:
    """For each layer that has several kernels which are not plain C, one that would not be chosen."""
    graph = legalise(read_graph(model, "layers.tflite"))
    found = {}
    for number, node in enumerate(graph.nodes):
        names = [name for name, kernel in candidates(node, find_core(core)) if kernel.features]
        if len(names) > 1:
            found[f"model_layer_{number:02d}"] = names[-1]
    return found


def run_on(compiled: CompiledModel, samples: list[list[np.ndarray]]) -> FirmwareRun:
    inputs = [[values.tobytes() for values in sample] for sample in samples]
    return run_firmware(compiled.files, compiled.prefix, board(compiled.core), inputs)


def samples_for(compiled: CompiledModel) -> list[list[np.ndarray]]:
    """Random values, and values of the two extremes only."""
    usual = random_inputs(compiled, 0)
    extreme = [np.where(values > 0, 127, -128).astype(np.int8) for values in random_inputs(compiled, 1)]
    return [usual, extreme]


def differing_outputs(model: bytes, compiled: CompiledModel, most_stack: int = STACK_LIMIT) -> list[str]:
    """Kernels whose layers differ from TFLite Micro's, or all kernels where layers are not outputs one to one."""
    samples = samples_for(compiled)
    run = run_on(compiled, samples)
    assert run.stack_bytes <= most_stack
    found = []
    for sample, outputs in zip(samples, run.outputs, strict=True):
        expected = run_oracle(model, sample)
        for number, (one, other) in enumerate(zip(outputs, expected, strict=True)):
            if one != other.tobytes():
                layers = (
                    compiled.layers[number : number + 1] if len(outputs) == len(compiled.layers) else compiled.layers
                )
                found.append(", ".join(f"{layer.symbol} {layer.kernel} {layer.output_shape}" for layer in layers))
    return found
