"""What a report says of a pruned model's layers: how much each alone would lose."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SensitivityPoint:
    """The share of a layer's channels that was cut, and the metric then; without training."""

    ratio: float
    quality: float


@dataclass(frozen=True)
class SensitivityCurve:
    """One group of channels cut alone: `layers` make them together; `points` rise in `ratio`."""

    layers: tuple[str, ...]
    channels: int
    points: tuple[SensitivityPoint, ...]


@dataclass(frozen=True)
class SensitivityFacts:
    """The curves of all layers of one model.

    Attributes:
        stage: the plan step that measured them.
        metric: as the project names it; `unit` is its.
        importance: the criterion by which channels went.
        samples: of the validation data.
        whole: the metric of the uncut model.
    """

    stage: str
    metric: str
    unit: str
    importance: str
    samples: int
    whole: float
    curves: tuple[SensitivityCurve, ...]
