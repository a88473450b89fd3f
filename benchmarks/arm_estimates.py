"""Estimated times of emulated Arm boards against published ones, each estimate made without any row of its device.

Published rows are in `arm-latency/` of the folder that EDGEBUILD_DATA names; `measuring/arm_rows.py` says which are
used, and why others are not. Networks are built with random weights, exported, and run on an emulated core with the
caches of the row's board.
`--write` writes the fitted factors into the package.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import mean, median

from measuring.arm_fit import CONFIDENCE, Judged, Priced, fit, judge, left_out, spreads
from measuring.arm_rows import BOARDS, LeftOut, Row, published_rows, unsure_rows
from measuring.arm_runs import WORK, Profiles
from measuring.results import Result, Table, publish

from edgebuild.estimate.arm import coefficients as shipped
from edgebuild.estimate.arm.coefficients import Coefficients, kind_of_row
from edgebuild.estimate.arm.program_time import time_program
from edgebuild.estimate.arm.terms import Cost

HERE = Path(__file__).resolve().parent
DATA = Path(os.environ.get("EDGEBUILD_DATA", HERE.parents[1] / "shared" / "data"))
PUBLISHED = DATA / "arm-latency" / "published.csv"
AIMS = {"int8": 12.0, "fp32": 20.0}
"""dtype -> per cent that the median error is to stay below."""
THREADS = (1, 4)
JUDGED = "Each row, estimated without its device"
FITTED_TO_NONE = (
    "Nothing is fitted to these: a Raspberry Pi that is not named, taken for a 5 with four threads, "
    "and a detector whose sorting of 19,206 boxes is not published"
)


def main() -> None:
    """Emulate, fit, judge every row without its device, and compare with what edgebuild uses."""
    if not PUBLISHED.exists():
        print("arm_estimates: nothing to fit to; EDGEBUILD_DATA names the folder that has arm-latency/published.csv")
        return
    rows, unused = published_rows(PUBLISHED)
    profiles = Profiles(WORK)
    costs = costs_of(rows, profiles)
    priced = [Priced.of(row, cost) for row, cost in zip(rows, costs, strict=True)]
    found = fit_all(priced)
    if "--write" in sys.argv:
        Path(shipped.__file__).with_name(shipped.FILE).write_text(found.to_text())
        shipped.coefficients.cache_clear()
    judged = judge(priced)
    results = [
        distance(found),
        *(line for dtype in AIMS for threads in THREADS for line in errors(judged, dtype, threads)),
        outside(judged),
        *(alternative(name, change, rows, costs) for name, change in ALTERNATIVES.items()),
    ]
    publish(
        "arm_estimates",
        "Time estimates of emulated Arm boards against published times",
        f"{len(rows)} rows of {len({row.device for row in rows})} devices. Each row's estimate and interval come from "
        "factors and errors of the other devices alone (nested: the interval too is made from rows of devices left out "
        "among those). Every board is emulated with its core, clock and caches; kernels are those of today's LiteRT, "
        "with XNNPACK or without it, as the row's runtime had them; the rows are of 2019 to 2022. The networks are as "
        "published: convolutions pad by themselves, a detector ends with its sorting of boxes. The form of the terms "
        "and the model of the A75 were chosen among a few by these same errors, which flatters them a little.",
        results,
        [table_of(JUDGED, judged), table_of(FITTED_TO_NONE, unsure(found, profiles)), table_of_unused(unused)],
    )


def costs_of(rows: Sequence[Row], profiles: Profiles) -> list[Cost]:
    """The cost of each row's network on its board; rows that differ in threads only have one in common."""
    known: dict[tuple[str, str, str, str], Cost] = {}
    for row in rows:
        key = (row.board, row.network, row.dtype, row.kernels)
        if key not in known:
            known[key] = Cost.of(time_program(profiles.of(row), BOARDS[row.board].cpu))
    return [known[row.board, row.network, row.dtype, row.kernels] for row in rows]


def fit_all(rows: Sequence[Priced]) -> Coefficients:
    """Factors fitted to all rows, and intervals from fits that left a device out."""
    devices = len({one.row.device for one in rows})
    return Coefficients(fit(rows), spreads(rows), CONFIDENCE, f"{len(rows)} published times of {devices} devices")


def distance(found: Coefficients) -> Result:
    """How far the factors that edgebuild uses are from this fit."""
    used = shipped.coefficients()
    pairs = [(used.factors[name], value) for name, value in found.factors.items()]
    pairs += [(used.spread[dtype], value) for dtype, value in found.spread.items()]
    away = max(abs(mine - theirs) / max(abs(theirs), 1e-12) for mine, theirs in pairs)
    shown = ", ".join(f"{name} {value:.3g}" for name, value in found.factors.items())
    spread = ", ".join(f"{dtype} {value:.3g}" for dtype, value in found.spread.items())
    return Result("factors in use, distance from the fit", 100 * away, "%", 0.1, f"{shown}; interval x and / {spread}")


def errors(judged: Sequence[Judged], dtype: str, threads: int) -> list[Result]:
    """Median error of rows of one dtype and number of threads, and how many are outside of their interval."""
    chosen = [one for one in judged if (one.row.dtype, one.row.threads) == (dtype, threads)]
    off = [one.error for one in chosen]
    missed = sum(not one.inside for one in chosen)
    plural = "thread" if threads == 1 else "threads"
    detail = (
        f"{len(chosen)} rows of {len({one.row.device for one in chosen})} devices, {min(off):+.0f} to {max(off):+.0f} %"
    )
    name = f"{dtype}, {threads} {plural}"
    return [
        Result(f"{name}: median error", median(abs(one) for one in off), "%", AIMS[dtype], detail),
        Result(f"{name}: rows outside", 100 * missed / len(chosen), "%", 100 * (1 - CONFIDENCE), f"{missed} rows"),
    ]


def outside(judged: Sequence[Judged]) -> Result:
    """All rows that are outside of their interval."""
    missed = sum(not one.inside for one in judged)
    share = 100 * missed / len(judged)
    detail = f"{missed} of {len(judged)} outside of the interval that other devices gave"
    return Result("all rows: outside", share, "%", 100 * (1 - CONFIDENCE), detail)


def _whole_cache(cost: Cost) -> Cost:
    return replace(cost, lines=(cost.lines[0],) * len(cost.lines))


def _no_memory(cost: Cost) -> Cost:
    return replace(cost, lines=(0,) * len(cost.lines))


ALTERNATIVES: dict[str, Callable[[Cost], Cost]] = {
    "each thread has its share of the last cache": lambda cost: cost,
    "each thread has the whole last cache": _whole_cache,
    "no memory": _no_memory,
}


def alternative(name: str, change: Callable[[Cost], Cost], rows: Sequence[Row], costs: Sequence[Cost]) -> Result:
    """Mean error of rows without their device, with another term for the memory."""
    priced = [Priced.of(row, change(cost)) for row, cost in zip(rows, costs, strict=True)]
    off = [abs(estimate / one.row.milliseconds - 1) for one, estimate in left_out(priced)]
    return Result(f"memory term, {name}: mean error", 100 * mean(off), "%", None, f"median {100 * median(off):.0f} %")


def unsure(found: Coefficients, profiles: Profiles) -> list[Judged]:
    """Rows of which something is guessed, by the factors and intervals of all the others."""
    rows = unsure_rows(PUBLISHED)
    priced = [Priced.of(row, cost) for row, cost in zip(rows, costs_of(rows, profiles), strict=True)]
    spread = [found.spread[kind_of_row(one.row.dtype, one.row.threads)] for one in priced]
    return [
        Judged(one.row, one.estimate(dict(found.factors)), width) for one, width in zip(priced, spread, strict=True)
    ]


def table_of(title: str, judged: Sequence[Judged]) -> Table:
    """Rows, their estimates and intervals."""
    columns = (
        "board",
        "network",
        "dtype",
        "kernels",
        "threads",
        "estimated ms",
        "low",
        "high",
        "published ms",
        "error %",
        "",
    )
    rows = [
        (
            one.row.board,
            one.row.network,
            one.row.dtype,
            one.row.kernels,
            one.row.threads,
            one.estimate,
            one.estimate / one.spread,
            one.estimate * one.spread,
            one.row.milliseconds,
            f"{one.error:+.0f}",
            "inside" if one.inside else "OUTSIDE",
        )
        for one in judged
    ]
    return Table(title, columns, rows)


def table_of_unused(unused: Sequence[LeftOut]) -> Table:
    """Every row that is not, and why."""
    return Table("Rows that are not compared", ("row", "why"), [(one.text, one.reason) for one in unused])


if __name__ == "__main__":
    main()
