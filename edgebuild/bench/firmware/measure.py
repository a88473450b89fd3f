"""A .tflite on an emulated microcontroller: kernels chosen by counting, figures, proof, and a map of its memory."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgebuild.bench.firmware.choose_kernels import MeasuredChoice, choose_by_measuring
from edgebuild.bench.firmware.codebooks import check_codebooks
from edgebuild.bench.firmware.figures import cycle_estimate, run_figures, time_figures
from edgebuild.bench.firmware.link import Limits
from edgebuild.bench.firmware.prove import compare_with_host, compare_with_reference
from edgebuild.bench.firmware.run import FirmwareRun, run_firmware
from edgebuild.check.finding import Finding
from edgebuild.config.device import Device
from edgebuild.device.qemu_system import board_of
from edgebuild.device.scratch import scratch_folder
from edgebuild.export.c.compile import CompileOptions, compile_model
from edgebuild.export.c.describe import compiled_facts
from edgebuild.export.c.library import write_library
from edgebuild.figure import Figure
from edgebuild.progress import ProgressSink, Section, Silent
from edgebuild.runtime.c_library import CLibrarySession

_TIMES = {"latency": "ms", "energy": "mJ"}
MOST_INSTRUCTIONS = 1_500_000_000
"""Of all samples together: a quarter of a minute of emulation."""


@dataclass(frozen=True)
class Part:
    """The microcontroller that figures are for.

    Attributes:
        clock_hz: None leaves out time and energy.
        name: where results of the part are published, they calibrate the estimates.
        power_mw: active power, where the profile states it.
    """

    clock_hz: float | None = None
    name: str | None = None
    power_mw: float | None = None


@dataclass(frozen=True)
class MeasuredModel:
    """What was found out about a model on a core."""

    choice: MeasuredChoice
    run: FirmwareRun
    findings: tuple[Finding, ...]
    figures: tuple[Figure, ...]

    @property
    def exact(self) -> bool:
        """Whether no output differed from a reference."""
        return not any(finding.severity == "fatal" for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values: `figures`, `findings`, `layers`, `memory`, `flash`, `ram` and what ran where."""
        run, compiled = self.run, self.choice.compiled
        counted, known = self.choice.instructions, compiled_facts(compiled)
        layers = [
            {**layer, "instructions": run.layers[layer["symbol"]], "counted": dict(counted[layer["symbol"]])}
            for layer in known["layers"]
        ]
        return {
            "core": run.core,
            "emulator": run.emulator,
            "compiler": run.firmware.compiler,
            "elf_sha256": run.firmware.digest,
            "samples": len(run.outputs),
            "instructions": run.instructions,
            "overhead": run.inferences[0].overhead,
            "layers": layers,
            "flash": {**dataclasses.asdict(run.firmware.flash), "model": run.flash_bytes},
            "ram": {**dataclasses.asdict(run.firmware.ram), "stack": run.stack_bytes},
            "arena_bytes": compiled.arena_bytes,
            "arena_lower_bound": compiled.arena_lower_bound,
            "memory": known["memory"],
            "figures": [figure.to_json() for figure in self.figures],
            "findings": [finding.to_json() for finding in self.findings],
        }


def measure_model(
    data: bytes,
    options: CompileOptions,
    device: Device,
    samples: Mapping[str, np.ndarray],
    folder: Path,
    *,
    label: str = "model.tflite",
    limits: Limits | None = None,
    part: Part | None = None,
    progress: ProgressSink | None = None,
) -> MeasuredModel:
    """Compile, choose kernels, run and compare; `folder` gets the library as `export.c.library` lays it out.

    Args:
        data: the .tflite.
        options: prefix and core; kernels that are named are kept, all others chosen.
        device: an emulated board with that core.
        samples: input name -> [n, ...] as the file takes them; the first of them are run, as many as
            `MOST_INSTRUCTIONS` allow.
        folder: empty.
        label: what messages call the .tflite.
        limits: of flash and RAM, which the linker keeps.
        part: what the estimates are for.
        progress: where to report.

    Raises:
        BudgetError: the firmware does not fit the limits.
        ConfigError: the model cannot be compiled.
        DeviceError: the firmware failed on the emulated core.
        ToolError: a compiler or QEMU is missing or failed.
    """
    sink = progress or Silent()
    host = compile_model(data, label, CompileOptions(options.prefix, "generic"))
    rows = _rows([port.name for port in host.inputs], samples)
    sink.update(0.0, "counting the instructions of each kernel")
    choice = choose_by_measuring(data, label, options, device, [part.tobytes() for part in rows[0]])
    write_library(folder, choice.compiled, host, data)
    per_run = sum(min(times.values()) for times in choice.instructions.values())
    rows = rows[: max(1, min(len(rows), MOST_INSTRUCTIONS // max(per_run, 1)))]
    sink.update(0.4, f"running {len(rows)} samples on the emulated core")
    inputs = [[one.tobytes() for one in row] for row in rows]
    with scratch_folder("firmware") as scratch:
        build = scratch / "firmware"
        run = run_firmware(choice.compiled.files, options.prefix, device, inputs, limits=limits, folder=build)
        (folder / "firmware.elf").write_bytes(run.firmware.elf.read_bytes())
        shared: tuple[Finding, ...] = ()
        if options.codebooks:
            board = board_of(device)
            shared = (check_codebooks(run.firmware, choice.compiled, data, options, board),)
    sink.update(0.8, "comparing its outputs")
    expected = _on_host(folder / f"{options.prefix}.c", rows, Section(sink, 0.8, 0.9))
    findings = (compare_with_host(run, expected), compare_with_reference(run, data, rows), *shared)
    return MeasuredModel(choice, run, findings, (*run_figures(run), *_estimates(run, part or Part())))


def _estimates(run: FirmwareRun, part: Part) -> list[Figure]:
    """Cycles, time and energy; the latter two are missing where the profile has no clock."""
    if part.clock_hz:
        return time_figures(run, part.clock_hz, part=part.name, power_mw=part.power_mw)
    reason = "the profile states no clock: hardware: {clock: 160 MHz} gives a time"
    missing = [Figure(name, None, unit, "estimated", provenance=reason) for name, unit in _TIMES.items()]
    return [cycle_estimate(run, part.name).cycles(), *missing]


def _rows(names: Sequence[str], samples: Mapping[str, np.ndarray]) -> list[list[np.ndarray]]:
    count = min(len(samples[name]) for name in names)
    return [[np.ascontiguousarray(samples[name][number : number + 1]) for name in names] for number in range(count)]


def _on_host(file: Path, rows: Sequence[Sequence[np.ndarray]], progress: ProgressSink) -> list[tuple[bytes, ...]]:
    session = CLibrarySession(file, 1)
    names = session.input_names
    try:
        found = []
        for number, row in enumerate(rows):
            outputs = session.run(dict(zip(names, row, strict=True)))
            found.append(tuple(array.tobytes() for array in outputs.values()))
            progress.update(number / len(rows), "running the same C on this host")
        return found
    finally:
        session.close()
