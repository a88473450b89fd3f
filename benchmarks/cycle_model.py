"""The factors of the cycle model, fitted again to published results of MLPerf Tiny, and held against other rows.

Published rows ran other kernels than ours, so that cycles cannot be compared directly. What can be: (1) the library
CMSIS-NN, whose instructions were counted on emulated cores, gives cycles per instruction of one M4 part; (2) engines
that were run on several parts give how many cycles an M7 or M33 part takes for what an M4 part does. Rows of other
parts with the same cores are kept out of the fit, and tell how often the truth falls into the interval.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Sequence
from math import exp, hypot, log
from pathlib import Path
from statistics import geometric_mean, median

from measuring.results import Result, publish

from edgebuild.estimate.cycle_costs import FACTORS, PART_FACTORS, SystemFactor
from edgebuild.estimate.power import ACTIVE_POWER

DATA = Path(os.environ.get("EDGEBUILD_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
FOLDER = DATA / "mlperf-tiny-results"

TASKS = ("ad", "kws", "vww")

COUNTED = {
    "cortex-m4": {"ad": 0.583e6, "kws": 7.70e6, "vww": 24.1e6},
    "cortex-m33": {"kws": 7.68e6, "vww": 24.0e6},
}
"""Instructions of one inference of TFLite Micro with CMSIS-NN, counted on emulated cores."""
IDEAL_CPI = (1.18, 1.24, 1.30)
"""Cycles per instruction of those kernels where memory never waits, by the costs of the M4: lowest, middle, highest."""

Part = tuple[str, str, str]
"""Round, submitter, system of results.csv."""
CMSIS_M4: Part = ("v1.0", "OctoML", "microtvm_cmsis_nn/NUCLEO_L4R5ZI")
CMSIS_M33: tuple[Part, ...] = (
    ("v1.0", "OctoML", "microtvm_cmsis_nn/NRF5340-DK"),
    ("v1.1", "Krai", "NRF5340-DK_MICROTVM-CMSIS-NN"),
)
L4R5, H7A3, U575, NRF5340, F746, PSOC62 = 120.0, 280.0, 160.0, 128.0, 216.0, 150.0

FITTED_M7: tuple[tuple[str, str, str, str], ...] = (
    ("v0.7", "STMicroelectronics", "NUCLEO-H7A3ZI-Q", "NUCLEO_L4R5ZI"),
    ("v1.0", "STMicroelectronics", "NUCLEO-H7A3ZI-Q", "NUCLEO_L4R5ZI"),
    ("v1.1", "STMicroelectronics", "NUCLEO_H7A3ZI_Q", "NUCLEO_L4R5ZI"),
    ("v1.2", "STMicroelectronics", "NUCLEO_H7A3ZI_Q", "NUCLEO_L4R5ZI"),
    ("v1.1", "bosch", "NUCLEO_H7A3ZI", "NUCLEO_L4R5ZI"),
    ("v1.2", "bosch", "NUCLEO_H7A3ZI_int8", "NUCLEO_L4R5ZI_int8"),
    ("v1.1", "plumerai", "NUCLEO-H7A3ZI-Q", "NUCLEO-L4R5ZI"),
)
"""Round, submitter, system, and the M4 system that the same engine was run on."""
FITTED_M33 = tuple(
    (round_, who, system.replace("H7A3", "U575") if who != "bosch" else system.replace("H7A3ZI", "U575ZI"), base)
    for round_, who, system, base in FITTED_M7
)
HELD_OUT_M7 = (
    ("v0.7", "plumerai", "DISCO_F746NG", "NUCLEO_L4R5ZI"),
    ("v1.0", "plumerai", "DISCO_F746NG", "NUCLEO_L4R5ZI"),
    ("v1.1", "plumerai", "DISCO-F746NG", "NUCLEO-L4R5ZI"),
    ("v1.1", "bosch", "DISCO_F746NG", "NUCLEO_L4R5ZI"),
    ("v1.2", "bosch", "DISCO_F746NG_int8", "NUCLEO_L4R5ZI_int8"),
)
HELD_OUT_M4 = (
    ("v0.7", "plumerai", "cy8cproto_062_4343w", "NUCLEO_L4R5ZI"),
    ("v1.0", "plumerai", "cy8cproto_062_4343w", "NUCLEO_L4R5ZI"),
    ("v1.1", "plumerai", "CY8CPROTO-062-4343W", "NUCLEO-L4R5ZI"),
    ("v1.2", "bosch", "CY8CPROTO_062_4343W_int8", "NUCLEO_L4R5ZI_int8"),
)

POWERED = {
    "stm32l4r5": ("L4R5",),
    "stm32h7a3": ("H7A3",),
    "stm32u575": ("U575",),
    "stm32u385": ("U385",),
    "ra6m4": ("RA6M4",),
}
"""Part of `ACTIVE_POWER` -> what its systems are called."""


def main() -> None:
    """Fit, hold against the rows kept out, compare with what edgebuild uses."""
    if not (FOLDER / "results.csv").exists():
        print(
            "cycle_model: nothing to fit to; EDGEBUILD_DATA names the folder that has mlperf-tiny-results/results.csv"
        )
        return
    latency, power = read_rows(FOLDER / "results.csv")
    base = fit_m4(latency)
    fitted = {
        "stm32l4r5": base,
        "stm32h7a3": fit_ratio(base, ratios(latency, FITTED_M7, H7A3)),
        "stm32u575": fit_ratio(base, ratios(latency, FITTED_M33, U575)),
    }
    results = [line for part, factor in fitted.items() for line in compare_factor(part, factor)]
    results += [left_out("stm32h7a3", latency, base, FITTED_M7, H7A3)]
    results += [left_out("stm32u575", latency, base, FITTED_M33, U575)]
    results += held_out(latency)
    results += [line for part in POWERED for line in compare_power(part, power)]
    publish(
        "cycle_model",
        "The cycle model against published results of MLPerf Tiny",
        "Factor: cycles on a part / sum of the costs of all instructions. The M4's is that of CMSIS-NN on an STM32L4R5 "
        "times the spread of the costs of its kernels; those of M7 and M33 are the M4's times how many cycles an "
        "STM32H7A3 or STM32U575 takes for what an STM32L4R5 does with the same engine (second lowest to second highest "
        "of 21 rows). Left out: each submission in turn, with the fit to the others. Other parts: nRF5340 (CMSIS-NN), "
        "and STM32F746 and PSoC 62 against an STM32L4R5 with the same engine; these two set the width of what is said "
        "of an M7 or M4 of which only the core is known, and the nRF5340 had no part in anything.",
        results,
    )


def read_rows(file: Path) -> tuple[dict[tuple[str, str, str, str], float], dict[str, list[float]]]:
    """(round, submitter, system, task) -> ms, and system -> mW of each row that has an energy."""
    latency: dict[tuple[str, str, str, str], float] = {}
    power: dict[str, list[float]] = {}
    with file.open(newline="") as stream:
        for row in csv.DictReader(stream):
            if row["task"] not in TASKS or not row["latency_ms"]:
                continue
            milliseconds = float(row["latency_ms"])
            latency[row["round"], row["submitter"], row["system"], row["task"]] = milliseconds
            if row["energy_uJ_per_inf"]:
                power.setdefault(row["system"], []).append(float(row["energy_uJ_per_inf"]) / milliseconds)
    return latency, power


def fit_m4(latency: dict[tuple[str, str, str, str], float]) -> SystemFactor:
    """Cycles per instruction of the published rows over those where memory never waits."""
    lowest, middle, highest = IDEAL_CPI
    found = [latency[*CMSIS_M4, task] * L4R5 * 1e3 / (COUNTED["cortex-m4"][task] * middle) for task in TASKS]
    low, high = min(found) * middle / highest, max(found) * middle / lowest
    return SystemFactor(low, geometric_mean(found), high, None, "")


def ratios(
    latency: dict[tuple[str, str, str, str], float], rows: Iterable[tuple[str, str, str, str]], clock: float
) -> list[float]:
    """Cycles of a part over cycles of the STM32L4R5, for every task that both ran with one engine in one round."""
    return [
        latency[round_, who, system, task] * clock / (latency[round_, who, base, task] * L4R5)
        for round_, who, system, base in rows
        for task in TASKS
        if (round_, who, system, task) in latency and (round_, who, base, task) in latency
    ]


def fit_ratio(base: SystemFactor, found: list[float]) -> SystemFactor:
    """The M4's factor times the ratios; both spreads together, as independent ones."""
    ordered = sorted(found)
    middle = geometric_mean(found)
    down = hypot(log(base.middle / base.low), log(middle / ordered[1]))
    up = hypot(log(base.high / base.middle), log(ordered[-2] / middle))
    center = base.middle * middle
    return SystemFactor(center * exp(-down), center, center * exp(up), None, "")


def left_out(
    part: str,
    latency: dict[tuple[str, str, str, str], float],
    base: SystemFactor,
    rows: Sequence[tuple[str, str, str, str]],
    clock: float,
) -> Result:
    """How often the rows of one submission fall into the interval that the others give."""
    inside, errors = 0, []
    for row in rows:
        factor = fit_ratio(base, ratios(latency, [other for other in rows if other != row], clock))
        for ratio in ratios(latency, [row], clock):
            truth = ratio * base.middle
            inside += factor.low <= truth <= factor.high
            errors.append(100 * (factor.middle / truth - 1))
    detail = f"{len(errors)} rows, estimate off by {min(errors):+.0f} to {max(errors):+.0f} %"
    return Result(f"{part}: left-out rows inside the interval", 100 * inside / len(errors), "%", None, detail)


def compare_factor(part: str, fitted: SystemFactor) -> list[Result]:
    """How far the factor that edgebuild uses is from this fit."""
    used = PART_FACTORS[part]
    pairs = ((used.low, fitted.low), (used.middle, fitted.middle), (used.high, fitted.high))
    away = max(abs(mine - theirs) for mine, theirs in pairs)
    shown = f"fitted {fitted.middle:.3f} [{fitted.low:.3f}, {fitted.high:.3f}]"
    shown += f", used {used.middle} [{used.low}, {used.high}]"
    return [Result(f"{part}: factor in use, distance from the fit", round(away, 4), "1", 0.01, shown)]


def held_out(latency: dict[tuple[str, str, str, str], float]) -> list[Result]:
    """Rows that no factor was fitted to."""
    m33 = FACTORS["cortex-m33"]
    direct = [
        latency[*part, task] * NRF5340 * 1e3 / (count * IDEAL_CPI[1])
        for part in CMSIS_M33
        for task, count in COUNTED["cortex-m33"].items()
    ]
    lines = [_held_out("cortex-m33: nRF5340, CMSIS-NN", direct, m33.low, m33.middle, m33.high)]
    for core, name, rows, clock in (
        ("cortex-m7", "STM32F746", HELD_OUT_M7, F746),
        ("cortex-m4", "PSoC 62", HELD_OUT_M4, PSOC62),
    ):
        factor, base = FACTORS[core], PART_FACTORS["stm32l4r5"].middle
        found = [ratio * base for ratio in ratios(latency, rows, clock)]
        lines.append(_held_out(f"{core}: {name}, same engines", found, factor.low, factor.middle, factor.high))
    return lines


def _held_out(name: str, found: list[float], low: float, middle: float, high: float) -> Result:
    inside = sum(low <= one <= high for one in found)
    errors = sorted(100 * (middle / one - 1) for one in found)
    detail = (
        f"{len(found)} rows; estimate off by {errors[0]:+.0f} to {errors[-1]:+.0f} %, median {median(errors):+.0f} %"
    )
    return Result(f"{name}: rows inside the interval", 100 * inside / len(found), "%", None, detail)


def compare_power(part: str, power: dict[str, list[float]]) -> list[Result]:
    """How far the power that edgebuild uses is from the rows."""
    rows = sorted(
        value for system, values in power.items() if any(name in system for name in POWERED[part]) for value in values
    )
    used = ACTIVE_POWER[part]
    pairs = ((used.low, rows[0]), (used.middle, median(rows)), (used.high, rows[-1]))
    away = max(abs(mine - theirs) for mine, theirs in pairs)
    detail = f"{len(rows)} rows, {rows[0]:.1f} to {rows[-1]:.1f}, median {median(rows):.1f} mW"
    return [Result(f"{part}: power in use, distance from the rows", round(away, 3), "mW", 0.1, detail)]


if __name__ == "__main__":
    main()
