"""Which kernel computes each layer fastest: counted on the emulated core, not guessed.

Every layer is compiled with each of its kernels and run once; a layer's instructions do not depend on the kernels of
the others, so as many runs are needed as the layer with most kernels has. Where the fastest kernels do not fit the
limits of memory, the compiler's own choice within them stays.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from edgebuild.bench.firmware.run import run_firmware
from edgebuild.config.device import Device
from edgebuild.export.c.compile import CompiledModel, CompileOptions, codebook_layers, compile_model


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
        options: the kernels that they name are kept, and codebooks where they are asked.
        device: an emulated board with the core of `options`.
        sample: the bytes of each input.

    Raises:
        ConfigError: the model cannot be compiled, or the sample does not fit it.
        DeviceError: the firmware failed.
        ToolError: a compiler or QEMU is missing or failed.
    """
    base = compile_model(data, label, options)
    if options.codebooks:
        fixed = {layer.symbol: layer.kernel for layer in codebook_layers(base)}
        options = replace(options, codebooks=False, kernels={**fixed, **options.kernels})
    free = replace(options, arena_limit=None, constant_limit=None)
    if len(compile_model(data, label, free).layers) != len(base.layers):  # cut into bands to fit: other layers
        return MeasuredChoice(base, _counted([base], options.prefix, device, sample))
    tried = [compile_model(data, label, replace(free, kernels=kernels)) for kernels in _turns(base, options.kernels)]
    counted = _counted(tried, options.prefix, device, sample)
    best = {symbol: min(times, key=lambda kernel: (times[kernel], kernel)) for symbol, times in counted.items()}
    fastest = compile_model(data, label, replace(free, kernels=best))
    if _fits(fastest, options):
        return MeasuredChoice(fastest, counted)
    return MeasuredChoice(base, _counted([base], options.prefix, device, sample))


def _turns(model: CompiledModel, wanted: Mapping[str, str]) -> list[dict[str, str]]:
    """Layer symbol -> kernel, as often as it takes until every layer has had each of its own."""
    return [
        {layer.symbol: layer.candidates[min(turn, len(layer.candidates) - 1)] for layer in model.layers} | dict(wanted)
        for turn in range(max(len(layer.candidates) for layer in model.layers))
    ]


def _counted(
    models: Sequence[CompiledModel], prefix: str, device: Device, sample: Sequence[bytes]
) -> dict[str, dict[str, int]]:
    """Layer symbol -> kernel -> instructions, of all the models."""
    counted: dict[str, dict[str, int]] = {layer.symbol: {} for layer in models[0].layers}
    for model in models:
        run = run_firmware(model.files, prefix, device, [sample])
        for layer in model.layers:
            counted[layer.symbol][layer.kernel] = run.layers[layer.symbol]
    return counted


def _fits(model: CompiledModel, options: CompileOptions) -> bool:
    constants = model.weight_bytes + model.table_bytes
    return (options.arena_limit is None or model.arena_bytes <= options.arena_limit) and (
        options.constant_limit is None or constants <= options.constant_limit
    )
