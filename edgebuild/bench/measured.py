"""What every benchmark says of timed runs, on this host and on devices: figures, and how steady they were."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

import numpy as np

from edgebuild.bench.statistics import Interval, quantile_intervals, relative_spread
from edgebuild.bench.warmup import WarmUp, find_warmup
from edgebuild.check.finding import Finding
from edgebuild.figure import Figure

NOISY_SPREAD = 0.05
"""Median absolute deviation over median above which a note says that times were noisy."""

QUANTILES: Mapping[str, float] = MappingProxyType({"": 0.5, "_p90": 0.9, "_p99": 0.99})
"""What the name of a latency ends with -> share of the inferences that take no longer."""
FEWEST_BEYOND = 2
"""Runs that must lie beyond a quantile, of all processes together. With fewer its interval was not tried."""


def without_warmup(processes: Iterable[Sequence[float]]) -> tuple[list[np.ndarray], list[WarmUp]]:
    """Milliseconds [n] of each process from where it is warm, and how it came to be.

    Raises:
        ValueError: a process has fewer than 20 runs.
    """
    raw = [np.asarray(milliseconds) for milliseconds in processes]
    warmups = [find_warmup(runs) for runs in raw]
    return [runs[warmup.runs :] for runs, warmup in zip(raw, warmups, strict=True)], warmups


def latency_figures(name: str, kept: Sequence[np.ndarray], where: str, seed: int) -> list[Figure]:
    """The median, the 90th and the 99th percentile, in ms; one that too few runs lie beyond is missing.

    Args:
        name: of the median; the others are `NAME_p90` and `NAME_p99`.
        kept: runs [n] of each process, without its warm-up.
        where: what ran where, for the provenance.
        seed: of the bootstrap.
    """
    intervals = quantile_intervals(kept, list(QUANTILES.values()), seed=seed)
    runs, figures = sum(len(one) for one in kept), []
    for (ending, share), interval in zip(QUANTILES.items(), intervals, strict=True):
        what = "median" if share == 0.5 else f"{share:.0%} of them take no longer"
        needed = round(FEWEST_BEYOND / (1 - share))
        if runs >= needed or share == 0.5:
            figures.append(measured_figure(name + ending, "ms", interval, f"{where}; {what}, warm-up dropped"))
        else:
            reason = f"not measured: {needed} inferences are needed after warm-up, {runs} were made"
            figures.append(Figure(name + ending, None, "ms", "measured", provenance=reason))
    return figures


def measured_figure(name: str, unit: str, interval: Interval, provenance: str) -> Figure:
    """The figure of an interval."""
    return Figure(name, interval.value, unit, "measured", interval.low, interval.high, interval.confidence, provenance)


def largest_spread(kept: Sequence[np.ndarray]) -> float:
    """The relative spread of the noisiest process; `kept` are the runs of each without its warm-up."""
    return max(relative_spread(runs) for runs in kept)


def steadiness_findings(kept: Sequence[np.ndarray], warmups: Sequence[WarmUp]) -> list[Finding]:
    """Notes where times were noisy or never became stable.

    Args:
        kept: runs [n] of each process, without its warm-up.
        warmups: of each process.
    """
    found, spread = [], largest_spread(kept)
    if spread > NOISY_SPREAD:
        message = f"run times spread by {spread:.1%} of their median; up to {NOISY_SPREAD:.0%} is steady"
        found.append(Finding("noisy-benchmark", message, severity="note"))
    unstable = sum(not warmup.stable for warmup in warmups)
    if unstable:
        message = f"{unstable} of {len(warmups)} processes did not become stable in half of their runs"
        found.append(Finding("unstable-benchmark", message, severity="note"))
    return found
