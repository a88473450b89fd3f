"""From the parameters `mixed:` to the type of every layer, with the table of what was measured."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebuild.compress.quantize.mixed.choose import choose
from edgebuild.compress.quantize.mixed.parameters import Mixed
from edgebuild.compress.quantize.mixed.sensitivity import BITS, Judge, Sensitivity
from edgebuild.compress.quantize.mixed.simulate import Simulation
from edgebuild.compress.step import StepContext
from edgebuild.errors import ConfigError
from edgebuild.model.data_folder import read_inputs, read_targets
from edgebuild.model.model_folder import read_record
from edgebuild.model.weighted_layers import WeightedLayer, weighted_layers

if TYPE_CHECKING:
    from edgebuild.compress.quantize.post_training import Quantize

_SAMPLES = 256


@dataclass(frozen=True)
class Task:
    """What there is to choose between.

    Attributes:
        mixed: the bound.
        coarse, fine: types of weights.
        activations: activations are rounded to int8 of ranges that are fixed ahead.
        per_channel: weights of convolutions have a scale per channel.
        skipped: layers that are decided already, in floating point.
    """

    mixed: Mixed
    coarse: str
    fine: str
    activations: bool
    per_channel: bool
    skipped: Collection[str]


@dataclass(frozen=True)
class Decided:
    """`types`: layer -> type, of every layer that was a candidate; `rows` what was measured of each.

    `lost` is what the metric loses in simulation with all of it, `bytes` what the weights of the candidates take.
    """

    types: Mapping[str, str]
    rows: tuple[Sensitivity, ...]
    lost: float
    bytes: int

    def exceptions(self, task: Task) -> dict[str, str]:
        """The layers with the finer type."""
        return {layer: kind for layer, kind in self.types.items() if kind == task.fine}

    def table(self) -> list[dict[str, Any]]:
        """One row a layer, as plain JSON."""
        return [{**row.to_json(), "type": self.types[row.layer]} for row in self.rows]


def task_of(parameters: Quantize, skipped: Collection[str]) -> Task:
    """What the parameters of the step ask for; `skipped` are the layers that it leaves in floating point anyway."""
    assert parameters.mixed is not None
    return Task(
        mixed=parameters.mixed,
        coarse=parameters.weights,
        fine="int8" if parameters.weights == "int4" else "float32",
        activations=parameters.kind == "static",
        per_channel=parameters.granularity == "per_channel",
        skipped=skipped,
    )


def decide(context: StepContext, task: Task) -> Decided:
    """Measure every layer alone in the coarser type, on the calibration and the validation data, and choose.

    Raises:
        ConfigError: the model cannot be traced, has too few layers, or the bound is out of reach.
    """
    from edgebuild.model.fakequant.fold import fold_norms
    from edgebuild.model.fakequant.scheme import scheme_of
    from edgebuild.model.fakequant.trace import trace_batches
    from edgebuild.model.load import rebuild
    from edgebuild.model.metric import resolve_metric

    record = read_record(context.model)
    inputs, given = read_inputs(context.data, "validation"), read_inputs(context.data, "calibration")
    samples = {name: np.array(given[name][:_SAMPLES]) for name in record.input_names}
    model = rebuild(context.model, context.project_root)
    fold_norms(model, scheme_of(trace_batches(model, samples).graph))
    graph = trace_batches(model, samples)
    scheme = scheme_of(graph.graph)
    candidates = [layer for layer in weighted_layers(graph.graph) if _is_candidate(layer, task)]
    if len(candidates) < 2:
        msg = f"quantize.mixed: the model has {len(candidates)} layers to choose between, at least 2 are needed"
        raise ConfigError(msg, remedy="leave mixed out")
    steps = _steps(graph, scheme, samples) if task.activations else {}
    simulation = Simulation(graph, scheme, steps, task.per_channel, task.coarse)
    validation = {name: inputs[name] for name in samples}, read_targets(context.data)
    metric = resolve_metric(context.project["metric"], context.project_root)
    judge = Judge(simulation, metric, samples, validation, record.output_names)
    rows = []
    for number, layer in enumerate(candidates):
        context.progress.update(0.9 * number / len(candidates), f"rounding {layer.name} alone")
        rows.append(judge.sensitivity(layer))
    choice = choose(rows, task.mixed, (task.coarse, task.fine), judge.lost)
    types = {row.layer: task.fine if row.layer in choice.fine else task.coarse for row in rows}
    stored = sum(row.weights * BITS[types[row.layer]] for row in rows) // 8
    return Decided(types, tuple(rows), choice.lost, stored)


def _is_candidate(layer: WeightedLayer, task: Task) -> bool:
    """A layer that is not decided already; no runtime has 4-bit kernels for convolutions by channel."""
    by_channel = layer.groups > 1 or (layer.operation != "linear" and layer.shape[1] == 1)
    return layer.name not in task.skipped and not (task.coarse == "int4" and by_channel)


def _steps(graph: Any, scheme: Any, samples: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """Label of a group of activations -> steps that reach as far as the samples."""
    from edgebuild.compress.quantize.methods import METHODS
    from edgebuild.compress.quantize.ranges import steps_by_method

    return steps_by_method(graph, scheme, samples, METHODS.get("min_max"), 100.0)


def described(decided: Decided, task: Task) -> str:
    """One sentence: how many have which type, which the finer one, and what that costs in simulation."""
    fine = [layer for layer, kind in decided.types.items() if kind == task.fine]
    named = f" ({', '.join(fine)})" if fine else ""
    counted = f"{len(fine)} of {len(decided.types)} layers {task.fine}{named}, the others {task.coarse}"
    return f"{counted}; their weights take {decided.bytes} bytes, the metric loses {decided.lost:.3g} in simulation"


def as_json(decided: Decided, task: Task) -> dict[str, Any]:
    """For the step's own record."""
    return {
        "coarse": task.coarse,
        "fine": task.fine,
        "bound": task.mixed.model_dump(mode="json", exclude_none=True),
        "lost": decided.lost,
        "bytes": decided.bytes,
        "sensitivity": decided.table(),
    }
