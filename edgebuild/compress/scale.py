"""A model on its way: what it costs and how good it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebuild.compress.step import StepContext
from edgebuild.model.data_folder import read_inputs, read_targets
from edgebuild.model.metric import Metric, resolve_metric
from edgebuild.model.model_folder import read_record

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Measurement:
    """Parameters and MACs counted; `quality` is the project's metric on the validation split.

    `layer_macs` are by dotted name.
    """

    parameters: int
    macs: int
    quality: float
    layer_macs: Mapping[str, int]

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, without the layers."""
        return {"parameters": self.parameters, "macs": self.macs, "quality": self.quality}


class Scale:
    """Measures models on one validation split with one metric."""

    def __init__(
        self, metric: Metric, inputs: Mapping[str, np.ndarray], targets: np.ndarray, outputs: Sequence[str]
    ) -> None:
        """`outputs` are the names of the model's outputs."""
        from edgebuild.model.exportable import example_tensors

        self.metric = metric
        self.sample: tuple[torch.Tensor, ...] = example_tensors(inputs)
        self.targets = targets
        self._inputs, self._outputs = inputs, outputs

    def on(self, rows: np.ndarray) -> Scale:
        """The same with these samples only."""
        inputs = {name: np.asarray(values[rows]) for name, values in self._inputs.items()}
        return Scale(self.metric, inputs, np.asarray(self.targets[rows]), self._outputs)

    def predict(self, model: torch.nn.Module) -> dict[str, np.ndarray]:
        """Outputs of `model`, which is put in eval mode, by name [n, ...]."""
        from edgebuild.model.evaluate import predict

        model.eval()
        return predict(model, self._inputs, names=self._outputs)

    def quality(self, outputs: Mapping[str, np.ndarray]) -> float:
        """The metric of outputs that `predict` gave."""
        return self.metric.compute(outputs, self.targets)

    def measure(self, model: torch.nn.Module) -> Measurement:
        """Count and score `model`, which is put in eval mode."""
        from edgebuild.model.count import count_model

        model.eval()
        counts = count_model(model, self.sample)
        quality = self.quality(self.predict(model))
        return Measurement(counts.parameters, counts.macs, quality, {row.layer: row.macs for row in counts.layers})

    def lost(self, before: Measurement, after: Measurement) -> float:
        """How much worse `after` is, in the metric's unit (points where it is in percent); below 0 is better."""
        difference = before.quality - after.quality
        return difference if self.metric.higher_is_better else -difference


def open_scale(context: StepContext) -> Scale:
    """The scale of a step: the project's metric on the validation split of its data folder.

    Raises:
        ConfigError: the metric cannot be used.
    """
    metric = resolve_metric(context.project["metric"], context.project_root)
    inputs, targets = read_inputs(context.data, "validation"), read_targets(context.data)
    return Scale(metric, inputs, targets, read_record(context.model).output_names)
