"""What a model loses when one group of channels alone is cut, further and further, without training."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebuild.compress.prune.cut import apply, edits_of
from edgebuild.compress.prune.trace import Trace
from edgebuild.compress.scale import Scale
from edgebuild.compress.training import Training

if TYPE_CHECKING:
    import torch

FILE = "sensitivity.json"
"""Beside model.json: an `Analysis`."""

_WORST_LOSS = 1e9
"""Stands for a loss that is no number."""


@dataclass(frozen=True)
class Point:
    """The share of a group's channels that was cut, and the metric and the loss then."""

    ratio: float
    quality: float
    loss: float


@dataclass(frozen=True)
class Curve:
    """One group cut alone.

    Attributes:
        group: its name.
        layers: that make the channels, and can only be cut together.
        channels: how many there are.
        points: rising in `ratio`, without 0.
    """

    group: str
    layers: tuple[str, ...]
    channels: int
    points: tuple[Point, ...]


@dataclass(frozen=True)
class Analysis:
    """The curves of all groups of a model.

    Attributes:
        metric, unit: what `quality` is.
        importance: the criterion by which channels went.
        samples: of the validation data.
        whole: the uncut model, at ratio 0.
    """

    metric: str
    unit: str
    importance: str
    samples: int
    whole: Point
    curves: tuple[Curve, ...]

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


def analyse(
    model: torch.nn.Module,
    found: Trace,
    scores: Mapping[str, np.ndarray],
    ratios: Sequence[float],
    scale: Scale,
    training: Training,
) -> list[Curve]:
    """One curve per group with scores: the channels with the lowest ones go first, rounded to whole channels.

    Li, Kadav, Durdanovic, Samet, Graf, Pruning Filters for Efficient ConvNets, ICLR 2017, section 3.2. Every point is a
    copy of `model` that is really cut.
    """
    curves = []
    for group in found.groups:
        if group.name not in scores or group.size == 1:
            continue
        order = np.argsort(scores[group.name], kind="stable")
        counts = dict.fromkeys(min(max(round(ratio * group.size), 1), group.size - 1) for ratio in ratios)
        points = []
        for count in counts:
            cut = copy.deepcopy(model)
            apply(cut, edits_of(model, [group], {group.name: sorted(int(channel) for channel in order[:count])}))
            points.append(point(cut, count / group.size, scale, training))
        curves.append(Curve(group.name, group.producers, group.size, tuple(points)))
    return curves


def point(model: torch.nn.Module, ratio: float, scale: Scale, training: Training) -> Point:
    """The metric and the loss of a model in eval mode."""
    import torch

    outputs = scale.predict(model)
    tensors = {name: torch.from_numpy(values) for name, values in outputs.items()}
    loss = float(training.loss()(tensors, torch.from_numpy(np.array(scale.targets))))
    return Point(ratio, scale.quality(outputs), loss if math.isfinite(loss) else _WORST_LOSS)


def sample_rows(count: int, wanted: int, seed: int) -> np.ndarray:
    """At most `wanted` of `count` rows, drawn by the seed, in their order."""
    rows: np.ndarray = np.sort(np.random.default_rng(seed).permutation(count)[:wanted])
    return rows
