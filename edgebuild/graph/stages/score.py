"""Stage kind `score`: how good and how big a PyTorch model is, on the whole validation split."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from edgebuild.config.registries import STAGES
from edgebuild.errors import ConfigError
from edgebuild.figure import Figure
from edgebuild.graph.stage import StageContext, StageKind
from edgebuild.model.data_folder import read_inputs, read_targets
from edgebuild.model.metric import resolve_metric
from edgebuild.model.model_folder import read_record
from edgebuild.model.score import score


def run(context: StageContext) -> None:
    """Write score.json (figures, cost per layer) and validation.<output>.npy; params are `{metric, threads}`."""
    import torch

    from edgebuild.model.count import count_model
    from edgebuild.model.evaluate import predict
    from edgebuild.model.exportable import example_tensors
    from edgebuild.model.fakequant.instrument import instrument_fixed
    from edgebuild.model.fakequant.ranges import read_steps
    from edgebuild.model.load import rebuild

    params = context.stage.params
    torch.set_num_threads(params["threads"])
    metric = resolve_metric(params["metric"], context.project_root)
    record = read_record(context.inputs["model"])
    model = rebuild(context.inputs["model"], context.project_root)
    inputs = read_inputs(context.inputs["data"], "validation")
    cost = count_model(model, example_tensors(inputs))
    steps = read_steps(record)
    if steps:
        # the numbers that the model was trained to compute with
        instrument_fixed(model, inputs, steps, record.float_layers)
    targets = read_targets(context.inputs["data"])
    context.progress.update(0.1, "running the model on the validation data")
    outputs = predict(model, inputs, names=record.output_names)
    figure = replace(score(metric, outputs, targets, f"PyTorch {torch.__version__} on this host"), name="accuracy")
    if figure.value is None:
        raise _no_number(params["metric"]["name"], figure.provenance, outputs)
    for name, array in outputs.items():
        np.save(context.output / f"validation.{name}.npy", array)
    figures = [
        figure,
        Figure("parameters", float(cost.parameters), "1", "exact", provenance="PyTorch model"),
        Figure("macs", float(cost.macs), "MAC", "exact", provenance="PyTorch model, one sample"),
        Figure("file_size", float(cost.bytes), "B", "exact", provenance="parameters and buffers of the PyTorch model"),
    ]
    layers = [layer.to_json() for layer in cost.layers]
    facts = {
        "metric": metric.name,
        "higher_is_better": metric.higher_is_better,
        "figures": [item.to_json() for item in figures],
        "layers": layers,
    }
    (context.output / "score.json").write_text(json.dumps(facts, indent=1, sort_keys=True) + "\n")


def _no_number(metric: str, why: str, outputs: Mapping[str, np.ndarray]) -> ConfigError:
    wrong = sum(int((~np.isfinite(array)).sum()) for array in outputs.values())
    total = sum(array.size for array in outputs.values())
    if wrong:
        msg = f"metric {metric!r}: {why}, as {wrong} of the model's {total} output numbers are NaN or infinite"
        return ConfigError(msg, remedy="mend the weights or the training: the float model itself does not work")
    msg = f"metric {metric!r}: {why}, though all of the model's outputs are finite; expected a number"
    return ConfigError(msg, remedy="look for a division by zero in the metric, or choose another one")


def tools(params: Mapping[str, Any]) -> tuple[str, ...]:
    """The metric's libraries are in the key too."""
    return ("torch", "numpy", "torchmetrics")


STAGES.register("score")(StageKind(version=4, run=run, tools=tools))
