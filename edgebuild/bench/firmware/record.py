"""A firmware run as plain JSON values, for `--json` and for what a stage writes down."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import Any

from edgebuild.bench.firmware.figures import run_figures, time_figures
from edgebuild.bench.firmware.run import FirmwareRun


def run_record(
    run: FirmwareRun, clock_hz: float, *, part: str | None = None, power_mw: float | None = None
) -> dict[str, Any]:
    """What a run found, keys stable: counts as whole numbers, what is estimated as figures with their interval.

    Args:
        run: what was executed.
        clock_hz: of the part.
        part: as profiles for it are named, `stm32l4r5`; None where only the core is known.
        power_mw: active power where a profile states it.
    """
    times = {one.name: one.to_json() for one in time_figures(run, clock_hz, part=part, power_mw=power_mw)}
    first = run.inferences[0]
    return {
        "core": run.core,
        "emulator": run.emulator,
        "compiler": run.firmware.compiler,
        "firmware_sha256": run.firmware.digest,
        "samples": len(run.inferences),
        "instructions": first.instructions,
        "overhead": first.overhead,
        "layers": [{"symbol": symbol, "instructions": count} for symbol, count in first.layers.items()],
        "flash_bytes": run.flash_bytes,
        "flash": asdict(run.firmware.flash),
        "arena_bytes": run.firmware.ram.arena,
        "stack_bytes": run.stack_bytes,
        "ram_bytes": run.ram_bytes,
        "ram": asdict(run.firmware.ram),
        **times,
        "outputs_sha256": [[hashlib.sha256(part).hexdigest() for part in sample] for sample in run.outputs],
        "figures": [one.to_json() for one in run_figures(run)],
    }
