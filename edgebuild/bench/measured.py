"""What every benchmark says of timed runs, on this host and on devices: figures, and how steady they were."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgebuild.bench.statistics import Interval, relative_spread
from edgebuild.bench.warmup import WarmUp
from edgebuild.check.finding import Finding
from edgebuild.figure import Figure

NOISY_SPREAD = 0.05
"""Median absolute deviation over median above which a note says that times were noisy."""


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
