"""The plan step `factorize`: layers become several smaller ones in a row, and the model is trained further."""

from __future__ import annotations

import json

from edgebuild.compress.factorize.account import claims_of, record_of
from edgebuild.compress.factorize.parameters import Factorize
from edgebuild.compress.step import Phase, StepContext, StepMethod
from edgebuild.config.registries import STEPS
from edgebuild.errors import ConfigError
from edgebuild.model.model_folder import read_record


def run(context: StepContext, parameters: Factorize) -> None:
    """Write the model folder of the factorized model, and history.json with every epoch of its training.

    Raises:
        ConfigError: no layer gets cheaper, or the goal for the whole model is out of reach.
    """
    from edgebuild.compress.factorize.procedure import factorize
    from edgebuild.compress.open_attention import open_attentions
    from edgebuild.compress.scale import open_scale
    from edgebuild.compress.training import Training
    from edgebuild.model.load import derive_model_folder, rebuild
    from edgebuild.model.seeding import deterministic

    record = read_record(context.model)
    if record.source["kind"] == "program":
        msg = "factorize: a torch.export program has its layers fixed, so none of them can be replaced"
        raise ConfigError(msg, remedy="give the model as model.factory with its weights")
    model = rebuild(context.model, context.project_root)
    opened = open_attentions(model)
    with deterministic(context.seed, context.threads):
        scale = open_scale(context)
        training = Training(context, parameters.finetune)
        outcome = factorize(model, parameters, scale, training, context.seed, record.edits)
    derive_model_folder(
        context.model,
        context.output,
        outcome.model,
        edits=(*record.edits, *opened, *outcome.edits),
        claims=tuple(claims_of(outcome, record.claims)),
        extra={**record.extra, "factorize": record_of(outcome, parameters, scale.metric.unit)},
    )
    (context.output / "history.json").write_text(json.dumps(list(outcome.history), indent=1) + "\n")


STEPS.register("factorize")(
    StepMethod(
        title="Factorization: a layer becomes several smaller ones in a row, then the model is trained further",
        parameters=Factorize,
        phase=Phase.STRUCTURE,
        version=2,
        run=run,
        tools=("torch", "tensorly", "numpy", "safetensors", "torchmetrics"),
        sections=("data", "train", "metric"),
    )
)
