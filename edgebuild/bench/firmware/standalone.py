"""Any full-integer .tflite on an emulated core, without a project: what `edgebuild compile --run` does."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgebuild.bench.firmware.link import Limits
from edgebuild.bench.firmware.measure import MeasuredModel, Part, measure_model
from edgebuild.config.device import Device
from edgebuild.config.load import load_target, shipped_targets
from edgebuild.config.profile import is_path
from edgebuild.config.read_device import load_device
from edgebuild.config.target import Hardware
from edgebuild.errors import ConfigError
from edgebuild.export.c.compile import CompileOptions, compile_model
from edgebuild.export.c.deliver import target_options
from edgebuild.export.c.header import Port

SEED = 0


@dataclass(frozen=True)
class Place:
    """Where a model runs: an emulated board, what the part allows, and what estimates are for."""

    core: str
    device: Device
    limits: Limits
    part: Part


def place_of(target: str) -> Place:
    """The emulated board of a profile (shipped name or path), or of a core.

    Raises:
        ConfigError: there is no such profile, core or board.
    """
    core = target_options(target, "model").core
    profile = load_target(target) if is_path(target) or target in shipped_targets() else None
    hardware = profile.hardware if profile else Hardware()
    named = profile.device if profile else None
    device = load_device(f"{core}-emulated" if named in (None, "host") else str(named), Path.cwd())
    flash, ram = (None if size is None else int(size) for size in (hardware.flash, hardware.ram))
    return Place(core, device, Limits(flash, ram), Part(hardware.clock, hardware.part, hardware.power))


def run_file(data: bytes, label: str, target: str, prefix: str, inputs: Sequence[Path], folder: Path) -> MeasuredModel:
    """Compile the .tflite in `data` for `target`, choose its kernels by counting, run it; `folder` gets the library.

    Args:
        data: the .tflite.
        label: what messages call it.
        target: a profile or a core.
        prefix: of the library.
        inputs: a .npy file per input, one or more samples in the file's own type and shape; random ones where empty.
        folder: where the library goes.

    Raises:
        BudgetError: the firmware does not fit the part.
        ConfigError: the model cannot be compiled, or an input does not fit it.
        DeviceError: the firmware failed.
        ToolError: a compiler or QEMU is missing.
    """
    place = place_of(target)
    ports = compile_model(data, label, CompileOptions(prefix, "generic")).inputs
    samples = read_samples(ports, inputs) if inputs else random_samples(ports)
    options = CompileOptions(prefix, place.core, arena_limit=place.limits.arena, constant_limit=place.limits.constants)
    return measure_model(
        data, options, place.device, samples, folder, label=label, limits=place.limits, part=place.part
    )


def read_samples(ports: Sequence[Port], files: Sequence[Path]) -> dict[str, np.ndarray]:
    """Input name -> samples [n, ...], from one .npy file per input in the file's order.

    Raises:
        ConfigError: there are too few or too many files, one cannot be read, or it has another type or shape.
    """
    if len(files) != len(ports):
        wanted = ", ".join(f"{port.name} {port.dtype}{list(port.shape)}" for port in ports)
        msg = f"{len(files)} --input given, the model has {len(ports)}: {wanted}"
        raise ConfigError(msg, remedy="give one .npy file per input, in this order")
    return {port.name: _samples(port, file) for port, file in zip(ports, files, strict=True)}


def _samples(port: Port, file: Path) -> np.ndarray:
    try:
        array = np.load(file, allow_pickle=False)
    except (OSError, ValueError) as error:
        msg = f"{file}: cannot be read as .npy: {error}"
        raise ConfigError(msg) from error
    if array.shape == port.shape[1:]:
        array = array[None]
    if array.shape[1:] != port.shape[1:] or str(array.dtype) != port.dtype or not len(array):
        msg = (
            f"{file}: found {array.dtype}{list(array.shape)}, input {port.name!r} wants {port.dtype}{list(port.shape)}"
        )
        raise ConfigError(
            msg, remedy="quantize and lay out the samples as the file takes them; the first axis counts them"
        )
    return np.ascontiguousarray(array)


def random_samples(ports: Sequence[Port]) -> dict[str, np.ndarray]:
    """One sample per input, drawn evenly from the whole range of its type by a fixed seed."""
    chance = np.random.default_rng(SEED)
    samples = {}
    for port in ports:
        dtype = np.dtype(port.dtype)
        if dtype.kind == "f":
            samples[port.name] = chance.standard_normal(port.shape).astype(dtype)
        else:
            limits = np.iinfo(dtype)
            samples[port.name] = chance.integers(limits.min, limits.max, size=port.shape, dtype=dtype, endpoint=True)
    return samples


def run_facts(measured: MeasuredModel) -> dict[str, Any]:
    """What a caller wants first, as plain JSON values, and everything else behind it.

    `instructions`, `layers`, `output_sha256` are of the first sample; `outputs_sha256` of all, one a sample: the bytes
    of the outputs in their order.
    """
    facts = measured.to_json()
    figures = {figure.name: figure for figure in measured.figures}
    digests = [hashlib.sha256(b"".join(sample)).hexdigest() for sample in measured.run.outputs]
    return {
        **facts,
        "flash_bytes": facts["flash"]["model"],
        "stack_bytes": measured.run.stack_bytes,
        "ram_bytes": measured.run.ram_bytes,
        **{name: figures[name].to_json() for name in ("cycles", "latency", "energy")},
        "output_sha256": digests[0],
        "outputs_sha256": digests,
        "exact": measured.exact,
    }
