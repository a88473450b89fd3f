"""Which kernel computes each layer fastest: counted on the emulated core, not guessed.

Every layer is compiled with each of its kernels and run once; a layer's instructions do not depend on the kernels of
the others, so as many runs are needed as the layer with most kernels has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from edgebuild.bench.firmware.run import run_firmware
from edgebuild.config.device import Device
from edgebuild.export.c.compile import CompiledModel, CompileOptions, compile_model


@dataclass(frozen=True)
class MeasuredChoice:
    """A model whose every layer has its fastest kernel.

    Attributes:
        compiled: the model.
        instructions: layer symbol -> kernel -> instructions of one inference with it, the chosen one included.
    """

    compiled: CompiledModel
    instructions: Mapping[str, Mapping[str, int]]


def choose_by_measuring(
    data: bytes, label: str, options: CompileOptions, device: Device, sample: Sequence[bytes]
) -> MeasuredChoice:
    """Compile the .tflite in `data` with the kernels that take fewest instructions on `sample`.

    Args:
        data: the .tflite.
        label: what messages call it.
        options: the kernels that they name are kept.
        device: an emulated board with the core of `options`.
        sample: the bytes of each input.

    Raises:
        ConfigError: the model cannot be compiled, or the sample does not fit it.
        DeviceError: the firmware failed.
        ToolError: a compiler or QEMU is missing or failed.
    """
    compiled = compile_model(data, label, options)
    counted: dict[str, dict[str, int]] = {layer.symbol: {} for layer in compiled.layers}
    for turn in range(max(len(layer.candidates) for layer in compiled.layers)):
        kernels = {layer.symbol: layer.candidates[min(turn, len(layer.candidates) - 1)] for layer in compiled.layers}
        tried = compile_model(data, label, _with(options, {**kernels, **options.kernels}))
        run = run_firmware(tried.files, options.prefix, device, [sample])
        for layer in tried.layers:
            counted[layer.symbol][layer.kernel] = run.layers[layer.symbol]
    best = {symbol: min(times, key=lambda kernel: (times[kernel], kernel)) for symbol, times in counted.items()}
    return MeasuredChoice(compile_model(data, label, _with(options, best)), counted)


def _with(options: CompileOptions, kernels: Mapping[str, str]) -> CompileOptions:
    return CompileOptions(options.prefix, options.core, kernels)
