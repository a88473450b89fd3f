"""Chance: what every other criterion has to beat."""

from __future__ import annotations

import numpy as np

from edgebuild.compress.prune.importance import IMPORTANCES, Importance, Scoring


def chance(scoring: Scoring) -> list[np.ndarray]:
    """Numbers drawn by the seed."""
    rng = np.random.default_rng(scoring.seed)
    return [rng.random(group.size) for group in scoring.trace.groups]


IMPORTANCES.register("random")(Importance("drawn by the seed", chance))
