"""How much each layer, alone in the coarser type, disturbs the outputs and costs in the metric."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from edgebuild.compress.quantize.mixed.simulate import Simulation
from edgebuild.model.metric import Metric
from edgebuild.model.weighted_layers import WeightedLayer

BITS = {"int4": 4, "int8": 8, "float32": 32}


@dataclass(frozen=True)
class Sensitivity:
    """One layer.

    Attributes:
        layer: dotted name.
        weights: how many numbers its weight has.
        noise: energy of the outputs' error over that of the outputs, on the calibration samples, with this layer alone
            in the coarser type.
        lost: what that costs in the project's metric on the validation data, in its unit; below 0 it gains.
    """

    layer: str
    weights: int
    noise: float
    lost: float

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


class Judge:
    """Says how far outputs are from those of the float model, and what they are worth."""

    def __init__(
        self,
        simulation: Simulation,
        metric: Metric,
        samples: Mapping[str, np.ndarray],
        validation: tuple[Mapping[str, np.ndarray], np.ndarray],
        names: tuple[str, ...],
    ) -> None:
        """`samples` and `validation` (inputs, targets) are by input name [n, ...]; `names` those of the outputs."""
        self._simulation, self._metric, self._names = simulation, metric, names
        self._samples, (self._inputs, self._targets) = samples, validation
        self._exact = simulation.outputs(samples, (), alone=True)
        self.quality = self._quality((), alone=True)

    def sensitivity(self, layer: WeightedLayer) -> Sensitivity:
        """Of one layer."""
        found = self._simulation.outputs(self._samples, (layer.name,), alone=True)
        pairs = list(zip(self._exact, found, strict=True))
        signal = sum(float(np.sum(exact.astype(np.float64) ** 2)) for exact, _ in pairs)
        error = sum(float(np.sum((exact.astype(np.float64) - other) ** 2)) for exact, other in pairs)
        lost = self._worse(self._quality((layer.name,), alone=True))
        return Sensitivity(layer.name, int(np.prod(layer.shape)), error / signal if signal else error, lost)

    def lost(self, coarse: Collection[str]) -> float:
        """What it costs in the metric to have these layers in the coarser type together."""
        return self._worse(self._quality(coarse, alone=False))

    def _worse(self, quality: float) -> float:
        return self.quality - quality if self._metric.higher_is_better else quality - self.quality

    def _quality(self, coarse: Collection[str], *, alone: bool) -> float:
        outputs = self._simulation.outputs(self._inputs, coarse, alone=alone)
        return self._metric.compute(dict(zip(self._names, outputs, strict=True)), self._targets)
