"""What one full measurement on an emulated Arm board takes, and whether its counts are the same every time."""

from __future__ import annotations

import resource
import time
from pathlib import Path
from typing import Any

from measuring.arm_rows import BOARDS
from measuring.arm_runs import WORK, emulated, network_file, random_input
from measuring.results import Result, publish

from edgebuild.bench.board.estimate import estimate_time
from edgebuild.bench.board.place import place
from edgebuild.bench.board.settings import BoardSettings
from edgebuild.bench.board.standalone import bench_file
from edgebuild.config.read_device import load_device

HERE = Path(__file__).resolve().parent
DEVICE = "raspberry-pi-4-emulated"
LARGE, SMALL = "mobilenet-v2", "mobilenet-v1-0.25-128"
SECONDS = 90.0
RUNS = 3


def main() -> None:
    """Measure MobileNetV2 once, and profile a small network three times."""
    publish(
        "arm_measurement",
        "Measuring a file on an emulated Arm board",
        "`edgebuild bench FILE --device raspberry-pi-4-emulated`: outputs against this host's, counts of 12 runs, a "
        "profile with simulated caches, llvm-mca, the estimate. Seconds are those of the CPU, of all processes, which "
        "is what it takes on a machine that does nothing else; networks have random weights.",
        [one_measurement(), same_counts()],
    )


def one_measurement() -> Result:
    """CPU seconds of everything: counts, outputs, profile, estimate."""
    file = network_file(WORK, LARGE, "int8")
    before, start = _cpu_seconds(), time.perf_counter()
    record = bench_file(file, load_device(DEVICE, HERE.parent), [], BoardSettings())
    seconds, wall = _cpu_seconds() - before, time.perf_counter() - start
    figures = {one["name"]: one for one in record["figures"]}
    shown = ", ".join(_shown(figures[name]) for name in ("latency", "latency_all_cores"))
    detail = (
        f"MobileNetV2 1.0 224 int8: {shown}; {figures['instructions']['value']:,.0f} instructions; {wall:.0f} s passed"
    )
    return Result("one full measurement, CPU time", seconds, "s", SECONDS, detail)


def _shown(figure: dict[str, Any]) -> str:
    return f"{figure['name']} {figure['value']:.3g} ms [{figure['low']:.3g}, {figure['high']:.3g}]"


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def same_counts() -> Result:
    """How many of three profiles differ in any count: of instructions, kinds, misses or cycles."""
    file = network_file(WORK, SMALL, "int8")
    found = []
    for _ in range(RUNS):
        with emulated(DEVICE, BOARDS["Raspberry Pi 4"]) as (transport, board):
            found.append(estimate_time(place(transport, board, file, random_input(file))).profile)
    different = sum(one != found[0] for one in found)
    instructions, misses = found[0]["instructions"], ", ".join(f"{one:,}" for one in found[0]["missed"])
    detail = f"{RUNS} processes with MobileNetV1 0.25 128 int8: {instructions:,} instructions, misses {misses}"
    return Result("profiles that differ in any count", different, "profiles", 0, detail)


if __name__ == "__main__":
    main()
