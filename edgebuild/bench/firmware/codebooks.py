"""Codebooks in the linked firmware: how many values each layer really has there, and the flash that they save."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from edgebuild.bench.firmware.build import Firmware, build_firmware
from edgebuild.bench.firmware.elf import read_content
from edgebuild.check.finding import Finding
from edgebuild.check.wording import count as count_of
from edgebuild.device.qemu_board import SystemBoard
from edgebuild.device.scratch import scratch_folder
from edgebuild.export.c.compile import CompiledModel, CompileOptions, codebook_layers, compile_model
from edgebuild.runtime.c_library import SOURCE

CODE = "codebooks"


def stored_values(firmware: Firmware, symbol: str) -> int | None:
    """Distinct weights of the layer `symbol`, decoded from the image; None where it shares them with another layer."""
    table, weights = (firmware.symbols.get(f"{symbol}_{part}") for part in ("values", "weights"))
    if table is None or weights is None:
        return None
    values = np.frombuffer(read_content(firmware.elf, table), np.int8)
    packed = np.frombuffer(read_content(firmware.elf, weights), np.uint8)
    return int(np.unique(values[np.concatenate([packed & 15, packed >> 4])]).size)


def check_codebooks(
    firmware: Firmware, compiled: CompiledModel, data: bytes, options: CompileOptions, board: SystemBoard
) -> Finding:
    """Count the values of every codebook in the image, and link the same model without codebooks to compare.

    Args:
        firmware: of `compiled`.
        compiled: the model with codebooks.
        data: the .tflite that it was compiled from.
        options: what it was compiled with.
        board: what the firmware is for.
    """
    layers = codebook_layers(compiled)
    if not layers:
        return Finding(CODE, "codebooks asked, but no layer of the firmware has one")
    counts = [stored_values(firmware, layer.symbol) for layer in layers]
    chosen = {layer.symbol: layer.kernel for layer in compiled.layers if layer not in layers}
    whole = compile_model(data, SOURCE, replace(options, codebooks=False, constant_limit=None, kernels=chosen))
    with scratch_folder("whole") as scratch:
        plain = build_firmware(whole.files, options.prefix, board, scratch)
    ours, theirs = firmware.flash.model, plain.flash.model
    most = max((count for count in counts if count is not None), default=0)
    flash = f"{ours} B of flash with them, {theirs} B without"
    if ours >= theirs:
        return Finding(CODE, f"codebooks asked, but the firmware gets no smaller: {flash}")
    where = f"weights of {count_of(len(layers), 'layer')}"
    message = f"{where} are 4-bit indices into at most {most} values in the image: {flash}"
    return Finding(CODE, message, severity="note")
