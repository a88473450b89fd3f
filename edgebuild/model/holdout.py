"""Which samples are held out for validation where the data has no validation split of its own."""

from __future__ import annotations

import numpy as np


def hold_out(targets: np.ndarray, fraction: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Sorted indices of the training and the validation samples.

    With one integer label per sample every class gives the same share (at least one sample of a class that has two);
    otherwise samples are drawn without regard to the target.
    """
    rng = np.random.default_rng(seed)
    labelled = targets.ndim == 1 and targets.dtype.kind in "iub"
    groups = [np.arange(len(targets))]
    if labelled:
        groups = [np.flatnonzero(targets == label) for label in np.unique(targets)]
    held = np.zeros(len(targets), dtype=bool)
    for group in groups:
        count = round(len(group) * fraction)
        if len(group) > 1:
            count = min(max(count, 1), len(group) - 1)
        held[rng.permutation(group)[:count]] = True
    return np.flatnonzero(~held), np.flatnonzero(held)
