"""The figures of a firmware run: counts are emulated and exact, cycles, time and energy estimated."""

from __future__ import annotations

from statistics import median

from edgebuild.bench.firmware.run import FirmwareRun
from edgebuild.estimate.cycles import CycleEstimate, estimate_cycles
from edgebuild.estimate.power import ACTIVE_POWER, stated_power
from edgebuild.figure import Figure


def run_figures(run: FirmwareRun) -> list[Figure]:
    """`instructions`, `flash`, `ram`, `arena` and `stack` of a run.

    The interval of the instructions is lowest to highest over the samples; for the others there is nothing to vary.
    """
    counts = [inference.instructions for inference in run.inferences]
    where = f"{run.core}: {run.emulator}; {run.firmware.compiler}"
    samples = f"{len(counts)} sample{'s' if len(counts) > 1 else ''}"

    def exact(name: str, value: int, about: str) -> Figure:
        return Figure(name, value, "B", "emulated", value, value, provenance=f"{about}; {where}")

    flash, ram = run.firmware.flash, run.firmware.ram
    return [
        Figure(
            "instructions",
            median(counts),
            "instructions",
            "emulated",
            min(counts),
            max(counts),
            provenance=f"counted over {samples}; {where}",
        ),
        exact(
            "flash",
            run.flash_bytes,
            f"code {flash.model_code} + constants {flash.model_constants} + library {flash.library} B, "
            f"without {flash.harness} B of the harness",
        ),
        exact("ram", run.ram_bytes, f"arena {ram.arena} + stack {run.stack_bytes} + statics {ram.statics} B"),
        exact("arena", ram.arena, "activations and scratch memory"),
        exact("stack", run.stack_bytes, f"deepest over {samples}"),
    ]


def cycle_estimate(run: FirmwareRun, part: str | None = None) -> CycleEstimate:
    """The cycles of an average inference of the run, on a part like `stm32l4r5`."""
    return estimate_cycles(run.program, run.executed, run.core, len(run.inferences), part)


def time_figures(
    run: FirmwareRun, clock_hz: float, *, part: str | None = None, power_mw: float | None = None
) -> list[Figure]:
    """`cycles`, `latency` and `energy` of a part.

    Args:
        run: what was executed.
        clock_hz: of the part.
        part: as profiles for it are named, `stm32l4r5`; where results of it are published, they are used.
        power_mw: active power where a profile states it; else the published one, else the energy is missing.
    """
    estimate = cycle_estimate(run, part)
    power = stated_power(power_mw) if power_mw is not None else ACTIVE_POWER.get(part or "")
    return [estimate.cycles(), estimate.latency(clock_hz), estimate.energy(clock_hz, power)]
