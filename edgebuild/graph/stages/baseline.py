"""Stage kind `baseline`: the float model that everything is compared with, loaded or trained."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebuild.config.registries import STAGES
from edgebuild.graph.stage import StageContext, StageKind
from edgebuild.model.checkpoint import Checkpoints
from edgebuild.model.data_folder import read_inputs, read_targets
from edgebuild.model.model_folder import ModelRecord
from edgebuild.model.processes.team import dismissed_at_the_end

if TYPE_CHECKING:
    import torch


def run(context: StageContext) -> None:
    """Write a model folder; params are `{model, threads}`, with `train`, `source` and `inputs` where it is trained.

    A model that cannot take the data or cannot be exported is told here, before anything is trained.
    """
    import torch

    from edgebuild.model.exportable import check_exportable, run_once
    from edgebuild.model.load import load_source_model, write_model_folder

    params = context.stage.params
    torch.set_num_threads(params["threads"])
    model, source = load_source_model(params["model"], context.project_root, context.stage.seed)
    arrays = read_inputs(context.inputs["data"], "validation")
    context.progress.update(0.02, "checking that the model can be exported")
    outputs = run_once(model, arrays, context.project_root, params["model"]["outputs"])
    check_exportable(model, arrays, context.project_root)
    if "train" in params:
        with dismissed_at_the_end():
            _train(context, model, arrays)
    record = ModelRecord(source=source, input_names=tuple(arrays), output_names=tuple(outputs))
    program = params["model"].get("program")
    write_model_folder(context.output, record, model, context.project_root / program if program else None)


def _train(context: StageContext, model: torch.nn.Module, arrays: Mapping[str, np.ndarray]) -> None:
    from edgebuild.model.data import load_training
    from edgebuild.model.train import TrainSettings, train, train_with_function

    params, seed = context.stage.params, context.stage.seed
    split = load_training(params["source"], context.project_root, seed, params["inputs"])
    validation = (arrays, read_targets(context.inputs["data"]))
    settings = params["train"]
    if settings.get("function"):
        train_with_function(
            settings["function"],
            settings["kwargs"],
            model,
            split,
            validation,
            seed,
            params["threads"],
            context.project_root,
        )
        return
    history = train(
        model,
        split,
        validation,
        TrainSettings.from_json(settings),
        seed,
        params["threads"],
        context.progress,
        context.project_root,
        checkpoints=None if context.checkpoints is None else Checkpoints(context.checkpoints),
    )
    rows = [epoch.to_json() for epoch in history]
    (context.output / "history.json").write_text(json.dumps(rows, indent=1) + "\n")


def tools(params: Mapping[str, Any]) -> tuple[str, ...]:
    """What loads or trains the model."""
    return ("torch", "numpy", "safetensors")


STAGES.register("baseline")(StageKind(version=1, run=run, tools=tools))
