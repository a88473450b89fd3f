"""The plan step `prune`: channels are cut out of the model, and what is left is trained."""

from __future__ import annotations

import json

from edgebuild.compress.prune.account import claims_of, record_of
from edgebuild.compress.prune.kinds import PRUNE_KINDS
from edgebuild.compress.prune.parameters import Prune
from edgebuild.compress.step import Phase, StepContext, StepMethod
from edgebuild.config.registries import STEPS
from edgebuild.errors import ConfigError
from edgebuild.model.model_folder import read_record


def run(context: StepContext, parameters: Prune) -> None:
    """Write the model folder of the pruned model, and history.json with every epoch.

    The training before the first cut comes first, where there is one. Beside it goes sensitivity.json, where the
    sensitivity of the layers was measured.

    Raises:
        ConfigError: nothing can be cut, or not as much as asked, or no cut stays within `max_accuracy_drop`.
    """
    from edgebuild.compress.prune.procedure import prune
    from edgebuild.compress.prune.sensitivity.curves import FILE
    from edgebuild.compress.scale import open_scale
    from edgebuild.compress.training import Training
    from edgebuild.model.load import derive_model_folder, rebuild
    from edgebuild.model.seeding import deterministic

    record = read_record(context.model)
    if record.source["kind"] == "program":
        msg = "prune: a torch.export program has its sizes fixed, so no channel of it can be cut"
        raise ConfigError(msg, remedy="give the model as model.factory with its weights")
    model = rebuild(context.model, context.project_root)
    with deterministic(context.seed, context.threads):
        scale = open_scale(context)
        outcome = prune(model, parameters, scale, Training(context, parameters.finetune), context.seed)
    unit = "points" if scale.metric.unit == "%" else scale.metric.unit
    derive_model_folder(
        context.model,
        context.output,
        outcome.model,
        edits=(*record.edits, *outcome.edits),
        claims=tuple(claims_of(outcome, record.claims, parameters)),
        extra={**record.extra, "prune": record_of(outcome, parameters, unit)},
    )
    history = [[dict(row) for row in cut.history] for cut in outcome.cuts]
    if outcome.sparsify is not None:
        history.insert(0, outcome.sparsify["history"])
    if outcome.sensitivity is not None:
        (context.output / FILE).write_text(json.dumps(outcome.sensitivity, indent=1) + "\n")
    (context.output / "history.json").write_text(json.dumps(history, indent=1) + "\n")


STEPS.register("prune")(
    StepMethod(
        title="Structured pruning: whole channels are cut out of the model, then it is trained further",
        parameters=Prune,
        phase=Phase.STRUCTURE,
        version=3,
        run=run,
        tools=("torch", "torch-pruning", "numpy", "safetensors", "torchmetrics"),
        sections=("data", "train", "metric"),
        kinds=PRUNE_KINDS,
    )
)
