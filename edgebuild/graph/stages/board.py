"""Stage kind `board`: the exported file on the target's device, a Linux board or Arm's model, against this host."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from edgebuild.bench.board.measure import BoardBench, measure_on_device
from edgebuild.bench.board.settings import BoardSettings
from edgebuild.bench.estimated import file_workload
from edgebuild.check.finding import Finding, apply_allow
from edgebuild.config.device import Device
from edgebuild.config.registries import RUNTIMES, STAGES
from edgebuild.device.corstone import CorstoneOptions, CorstoneTransport
from edgebuild.device.toolchain import find_program
from edgebuild.errors import DeviceError, ToolError
from edgebuild.export.feed import from_raw, to_raw
from edgebuild.export.format import ExportRecord, read_export
from edgebuild.figure import Figure, format_value
from edgebuild.graph.board import CORSTONE, EDGE_TPU
from edgebuild.graph.stage import StageContext, StageKind
from edgebuild.model.data_folder import read_inputs, read_targets
from edgebuild.model.metric import resolve_metric
from edgebuild.model.score import score

FACTS = "board.json"
SAMPLES = range(16, 257)
"""How many of the validation data are run: as many as MACS allow."""
MACS = 2_000_000_000
"""Multiply-accumulates of all samples: a second or two of a board, some ten of its emulation."""
WAIT_SECONDS = 3600.0
"""How long a build waits for a board that somebody else uses."""


def run(context: StageContext) -> None:
    """Write board.json and outputs.<name>.npy.

    Params are `{device, runtime, programs, scheduler, metric, allow}`, and `accelerator` where a file must be compiled
    for one before.
    Without the programs that emulate a board nothing is run, and a note says how to get them: the build's file is as
    good without.
    """
    params = context.stage.params
    device = Device.model_validate(params["device"])
    missing = [name for name, version in params["programs"].items() if version is None]
    if missing:
        _write(context.output, {"figures": [], "findings": [_not_run(device, missing[0])], "device": device.name})
        return
    record = read_export(context.inputs["export"])
    arrays = read_inputs(context.inputs["data"], "validation")
    most = _count(device, context.inputs["export"] / record.file)
    raw = to_raw(record, {name: np.asarray(array[:most]) for name, array in arrays.items()})
    samples = {name: array[:, None] for name, array in raw.items()}
    bench = measure_on_device(
        device,
        file_of(context, record.file),
        samples,
        BoardSettings(seed=context.stage.seed),
        wait=WAIT_SECONDS,
        progress=context.progress,
    )
    for name, array in bench.outputs.items():
        np.save(context.output / f"outputs.{name}.npy", array)
    facts = bench.to_json()
    facts["figures"] = [*facts["figures"], _accuracy(context, record, bench).to_json()]
    facts["findings"] = [finding.to_json() for finding in apply_allow(bench.findings, params["allow"])]
    _write(context.output, {**facts, "device": device.name})


def _count(device: Device, file: Path) -> int:
    """How many samples a device runs; Arm's model is slower than any board."""
    if device.transport == CORSTONE:
        return SAMPLES.start
    return min(max(MACS // max(file_workload(file).macs, 1), SAMPLES.start), SAMPLES.stop - 1)


def _accuracy(context: StageContext, record: ExportRecord, bench: BoardBench) -> Figure:
    """The project's metric on what the device made of its samples, beside this host's on the same ones."""
    metric = resolve_metric(context.stage.params["metric"], context.project_root)
    there = from_raw(
        record,
        {
            spec.name: array.reshape(len(array), *spec.shape[1:])
            for spec, array in zip(record.outputs, bench.outputs.values(), strict=True)
        },
    )
    count = len(next(iter(there.values())))
    targets = read_targets(context.inputs["data"])[:count]
    here = {name: np.load(context.inputs["verify"] / f"validation.{name}.npy")[:count] for name in there}
    name = context.stage.params["device"]["name"]
    found = score(metric, there, targets, f"{context.stage.params['runtime']} on {name}")
    host = format_value(metric.compute(here, targets), found.unit)
    emulated = bench.conditions["before"].get("emulated") == "true"
    return replace(
        found,
        name="device_accuracy",
        kind="emulated" if emulated else "measured",
        provenance=f"{found.provenance}; this host on the same samples: {host}",
    )


def file_of(context: StageContext, exported: str) -> Path:
    """What the device runs: the exported file, or what the compiler of its accelerator made of it.

    The compiled file is put beside the one that it was made from, which its outputs are compared with.
    """
    source = context.inputs["export"] / exported
    if context.stage.params.get("accelerator") != EDGE_TPU:
        return source
    compiled = context.inputs["verify"] / f"{source.stem}_edgetpu.tflite"
    if not compiled.is_file():
        msg = f"an Edge TPU runs what its compiler made of {exported}, and edgetpu_compiler was not on PATH"
        raise ToolError(msg, remedy="install it and build again, or take `device:` out of the profile")
    for file in (source, compiled):
        shutil.copyfile(file, context.output / file.name)
    return context.output / compiled.name


def _not_run(device: Device, program: str) -> dict[str, Any]:
    try:
        if device.transport == CORSTONE:
            CorstoneTransport(device.name, CorstoneOptions.model_validate(device.options)).close()
        else:
            find_program(program)
    except (ToolError, DeviceError) as error:
        message = f"not run on {device.name}: {error.message}; {error.remedy}"
    else:
        message = f"not run on {device.name}: {program} was missing when the build began; build again"
    return Finding("device-not-run", message, severity="note").to_json()


def _write(folder: Path, facts: Mapping[str, Any]) -> None:
    (folder / FACTS).write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n")


def gate(artifact: Path) -> str | None:
    """Outputs that are not those of this host."""
    found: list[dict[str, Any]] = json.loads((artifact / FACTS).read_text())["findings"]
    fatal = [raw for raw in found if raw["severity"] == "fatal"]
    return f"{fatal[0]['code']}: {fatal[0]['message']}" if fatal else None


def tools(params: Mapping[str, Any]) -> tuple[str, ...]:
    """The board gets the same versions."""
    distribution = RUNTIMES.get(params["runtime"]).distribution
    libraries = ("numpy", "torchmetrics")
    return (*libraries, distribution) if distribution else libraries


STAGES.register("board")(StageKind(version=6, run=run, tools=tools, gate=gate))
