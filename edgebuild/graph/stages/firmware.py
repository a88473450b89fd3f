"""Stage kind `firmware`: the compiled model in firmware of its own, run on the emulated core of the target's device."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from edgebuild.bench.firmware.link import Limits
from edgebuild.bench.firmware.measure import Part, measure_model
from edgebuild.check.finding import Finding, apply_allow
from edgebuild.config.device import Device
from edgebuild.config.registries import STAGES
from edgebuild.export.c.compile import CompileOptions
from edgebuild.export.feed import to_raw
from edgebuild.export.format import read_export
from edgebuild.graph.stage import StageContext, StageKind
from edgebuild.model.data_folder import read_inputs
from edgebuild.runtime.c_library import SOURCE

FACTS = "firmware.json"
SOURCES = ("bench/firmware", "device/native", "estimate", "export/c")
"""The parts of this package that decide what is compiled, run and counted."""


def run(context: StageContext) -> None:
    """Write firmware.json, the library with the kernels that were chosen, and firmware.elf.

    Params are `{device, limits, arena_limit, constant_limit, part, allow, programs}`; the versions of the programs are
    there for the key.
    """
    params = context.stage.params
    export = context.inputs["export"]
    record = read_export(export)
    measured = measure_model(
        (export / SOURCE).read_bytes(),
        CompileOptions(
            record.extra["prefix"],
            record.extra["core"],
            arena_limit=params["arena_limit"],
            constant_limit=params["constant_limit"],
            codebooks=record.extra["codebooks"],
        ),
        Device.model_validate(params["device"]),
        to_raw(record, read_inputs(context.inputs["data"], "validation")),
        context.output,
        label=SOURCE,
        limits=Limits(**params["limits"]),
        part=Part(**params["part"]),
        progress=context.progress,
    )
    facts = measured.to_json()
    for row in facts["layers"]:
        row["layer"] = _users_layer(row["layer"], record.layers)
    facts["findings"] = [finding.to_json() for finding in apply_allow(measured.findings, params["allow"])]
    (context.output / FACTS).write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n")


def _users_layer(name: str, layers: tuple[str, ...]) -> str:
    """`stem.0` for a tensor called `stem.0/conv_2d`: the exporter writes the layer in front of the operation."""
    layer = name.rpartition("/")[0]
    return layer if layer and (layer in layers or any(known.startswith(f"{layer}.") for known in layers)) else name


def gate(artifact: Path) -> str | None:
    """The outputs that differ from the reference's."""
    found: list[dict[str, Any]] = json.loads((artifact / FACTS).read_text())["findings"]
    fatal = [Finding(**raw) for raw in found if raw["severity"] == "fatal"]
    return f"{fatal[0].code}: {fatal[0].message}" if fatal else None


STAGES.register("firmware")(StageKind(version=2, run=run, sources=lambda _params: SOURCES, gate=gate))
