"""What can be said before anything was measured: costs scaled to published times, by `benchmarks/predictor.py`."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources
from statistics import median

from edgebuild.estimate.predictor.amounts import BEFORE
from edgebuild.estimate.predictor.conformal import conformal_bounds
from edgebuild.estimate.predictor.table import Amounts, Table, cost_of

FILE = "uncalibrated.json"


@cache
def uncalibrated_tables() -> tuple[Table, ...]:
    """The tables in the file that lies beside this module."""
    text = resources.files(__package__).joinpath(FILE).read_text(encoding="utf-8")
    return tuple(Table.from_json(raw) for raw in json.loads(text))


def uncalibrated_table(dtype: str, threads: int) -> Table | None:
    """The table of a dtype with the nearest number of threads; None where nothing of it is published."""
    fitting = [table for table in uncalibrated_tables() if table.dtype == dtype]
    return min(fitting, key=lambda table: (abs(table.threads - threads), table.threads), default=None)


def fit_uncalibrated(published: Mapping[str, Sequence[tuple[Amounts, float]]], dtype: str, threads: int) -> Table:
    """One scale for all devices: the median of what each needs.

    The interval is from devices that were left out one by one, so that it says how far a new one may be.

    Args:
        published: device -> (amounts of a network, its ms), at least two devices.
        dtype: of all of them.
        threads: of all of them.
    """
    scales = {device: median(time / cost_of(row, BEFORE) for row, time in times) for device, times in published.items()}
    errors = []
    for device, times in published.items():
        others = median(scale for name, scale in scales.items() if name != device)
        errors += [math.log(time / (others * cost_of(row, BEFORE))) for row, time in times]
    scale, bounds = median(scales.values()), conformal_bounds(errors)
    return Table(
        dtype=dtype,
        threads=threads,
        networks=len(errors),
        costs={name: float(f"{scale * cost:.6g}") for name, cost in BEFORE.items()},
        seen=tuple(sorted({name for times in published.values() for row, _ in times for name in row})),
        low=float(f"{bounds.low:.6g}"),
        high=float(f"{bounds.high:.6g}"),
        confidence=bounds.confidence,
        coverage=None,
        error=float(f"{median(abs(math.expm1(-error)) for error in errors):.6g}"),
    )
