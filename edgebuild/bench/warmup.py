"""How many of the first runs of a process are warm-up.

The rule is MSER-5 (White 1997, An effective truncation heuristic for bias reduction in simulation output; White &
Robinson 2010): of all ways to cut off the beginning, take the one after which the rest pins down its own mean best.
It has no threshold to tune. Batches of five runs are represented by their median, not their mean, so that one
interrupted run does not look like a change. The cut may not pass the middle: where the best cut wants to, the process
never became stable.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

BATCH = 5


@dataclass(frozen=True)
class WarmUp:
    """The first `runs` runs of a process are warm-up; `stable` is False where half of them was not enough."""

    runs: int
    stable: bool


def find_warmup(milliseconds: np.ndarray) -> WarmUp:
    """Decide on the warm-up of one process from its run times [runs], in order.

    At least the first run is always dropped: it pays for page faults and lazy initialisation.

    Raises:
        ValueError: fewer than 20 runs, too few to tell.
    """
    if len(milliseconds) < 4 * BATCH:
        msg = f"{len(milliseconds)} runs are too few to find the warm-up; at least {4 * BATCH} are needed"
        raise ValueError(msg)
    batches = np.median(milliseconds[: len(milliseconds) // BATCH * BATCH].reshape(-1, BATCH), axis=1)
    errors = [standard_error(batches[cut:]) for cut in range(len(batches) // 2 + 1)]
    cut = int(np.argmin(errors))
    return WarmUp(max(1, cut * BATCH), stable=cut < len(batches) // 2)


def standard_error(batches: np.ndarray) -> float:
    """The squared standard error that MSER minimises: sum of squares about the mean over n squared."""
    return float(np.sum((batches - np.mean(batches)) ** 2) / len(batches) ** 2)
