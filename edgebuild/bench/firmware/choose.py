"""Choosing kernels by measurement: every kernel that might be a layer's fastest is run on the emulated core."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

import numpy as np

from edgebuild.bench.firmware.run import run_firmware
from edgebuild.config.device import Device
from edgebuild.export.c.compile import CompiledModel, CompileOptions, compile_model

MOST_CANDIDATES = 4
"""Kernels per layer that are measured, in the order of their estimates; each takes one run for all layers together."""


@dataclasses.dataclass(frozen=True)
class Choice:
    """What one layer may be computed by.

    Attributes:
        symbol: of the layer.
        instructions: kernel -> instructions of one inference, as measured.
        estimated: the kernel that its own estimate makes the cheapest.
    """

    symbol: str
    instructions: Mapping[str, int]
    estimated: str

    @property
    def kernel(self) -> str:
        """The fastest; of equal ones the one with the better estimate."""
        return min(self.instructions, key=lambda name: (self.instructions[name], name != self.estimated))


def measure_kernels(data: bytes, label: str, options: CompileOptions, device: Device) -> tuple[Choice, ...]:
    """Measure the candidates of every layer whose kernel `options` does not fix.

    Args:
        data: the .tflite.
        label: what messages call it.
        options: as for `compile_model`; `core` must be the device's.
        device: an emulated board.

    Raises:
        ConfigError, DeviceError, ToolError: as `compile_model` and `run_firmware` do.
    """
    first = compile_model(data, label, options)
    open_layers = [layer for layer in first.layers if layer.symbol not in options.kernels]
    found: dict[str, dict[str, int]] = {layer.symbol: {} for layer in open_layers}
    rounds = min(MOST_CANDIDATES, max((len(layer.candidates) for layer in open_layers), default=1))
    for number in range(rounds):
        wanted = {layer.symbol: layer.candidates[min(number, len(layer.candidates) - 1)] for layer in open_layers}
        tried = dataclasses.replace(options, kernels={**wanted, **options.kernels})
        counts = _instructions(compile_model(data, label, tried), device)
        for symbol, kernel in wanted.items():
            found[symbol][kernel] = counts[symbol]
    return tuple(Choice(layer.symbol, found[layer.symbol], layer.candidates[0]) for layer in open_layers)


def with_measured_kernels(data: bytes, label: str, options: CompileOptions, device: Device) -> CompileOptions:
    """The options with the fastest kernel of every layer; those that `options` fixes stay."""
    choices = measure_kernels(data, label, options, device)
    measured = {choice.symbol: choice.kernel for choice in choices}
    return dataclasses.replace(options, kernels={**measured, **options.kernels})


def _instructions(compiled: CompiledModel, device: Device) -> Mapping[str, int]:
    """Instructions of each layer for one input of random values, the same in every run."""
    random = np.random.default_rng(0)
    sample = [random.integers(0, 256, port.bytes, dtype=np.uint8).tobytes() for port in compiled.inputs]
    return run_firmware(compiled.files, compiled.prefix, device, [sample]).layers
