"""The plan step `cluster`: the weights of a layer share the few values of a codebook, which are then trained.

Han et al., Deep Compression, ICLR 2016, section 3. The file has the numbers themselves: a runtime gains nothing from
codebooks, a download does (`edgebuild.package.container`).
"""

from __future__ import annotations

import json
from typing import Any

from edgebuild.compress.cluster.parameters import Cluster
from edgebuild.compress.constraints.codebooks import CODEBOOKS, codebooks
from edgebuild.compress.step import Phase, StepContext, StepMethod
from edgebuild.config.registries import STEPS
from edgebuild.errors import ConfigError
from edgebuild.model.data_folder import read_inputs, read_targets
from edgebuild.model.metric import resolve_metric
from edgebuild.model.model_folder import ModelRecord, read_record

STEP = "cluster"


def run(context: StepContext, parameters: Cluster) -> None:
    """Write the model folder with shared weights, their codebooks in its record, and history.json.

    Raises:
        ConfigError: no layer has more values than a codebook, zeros of pruning would be given up, or the model is an
            exported program.
    """
    from edgebuild.compress.cluster.account import claims_of, extra_of
    from edgebuild.compress.cluster.fold import fold_all_norms
    from edgebuild.compress.cluster.layers import candidates, share_values
    from edgebuild.compress.constraints.codebooks import SharedValues
    from edgebuild.compress.open_attention import open_attentions
    from edgebuild.compress.scale import Scale
    from edgebuild.compress.training import Training
    from edgebuild.model.load import derive_model_folder, rebuild
    from edgebuild.model.seeding import deterministic

    record = read_record(context.model)
    _check(record, parameters)
    model = rebuild(context.model, context.project_root)
    opened = open_attentions(model)
    metric = resolve_metric(context.project["metric"], context.project_root)
    inputs, targets = read_inputs(context.data, "validation"), read_targets(context.data)
    with deterministic(context.seed, context.threads):
        scale = Scale(metric, inputs, targets, record.output_names)
        training = Training(context, parameters.finetune)
        before = scale.measure(model)
        edits = fold_all_norms(model, inputs)
        found = candidates(model, parameters)
        if not found.weights:
            raise _nothing_to_share(found.left_alone)
        for weight in found.weights.values():
            share_values(weight, parameters, context.seed)
        shared = scale.measure(model)
        scopes = dict.fromkeys(found.weights, parameters.scope)
        history = training.tune(
            model, parameters.finetune.epochs, additions=[SharedValues(scopes, parameters.keep_zeros)]
        )
        after = scale.measure(model)
    unit = "points" if metric.unit == "%" else metric.unit
    lost = (scale.lost(before, shared), scale.lost(before, after))
    others = [one for one in record.constraints if one["constraint"] != CODEBOOKS]
    derive_model_folder(
        context.model,
        context.output,
        model,
        edits=(*record.edits, *opened, *edits),
        claims=(
            *(claim for claim in record.claims if claim["step"] != STEP),
            *claims_of(found.weights, parameters),
        ),
        constraints=(*others, codebooks(scopes, parameters.keep_zeros)),
        extra={**record.extra, STEP: extra_of(found, parameters, edits, lost, unit)},
    )
    (context.output / "history.json").write_text(json.dumps([row.to_json() for row in history], indent=1) + "\n")


def _check(record: ModelRecord, parameters: Cluster) -> None:
    if record.source["kind"] == "program":
        msg = "cluster: a torch.export program has its weights inside, and they cannot be shared and trained"
        raise ConfigError(msg, remedy="give the model as model.factory with its weights")
    if not parameters.keep_zeros and any(one["constraint"] == "zeros" for one in record.constraints):
        msg = "cluster.keep_zeros: false would give up the zeros that an earlier step of the plan set"
        raise ConfigError(msg, remedy="leave keep_zeros at true, or take the pruning of single weights out of the plan")


def _nothing_to_share(left_alone: Any) -> ConfigError:
    reasons = "; ".join(f"{layer}: {why}" for layer, why in left_alone.items())
    msg = f"cluster: no layer of the model has weights to share{f' ({reasons})' if reasons else ''}"
    return ConfigError(msg, remedy="take the step out of the plan, skip less, or ask for fewer clusters")


def objects_to(parameters: Cluster, later: str, following: Any) -> str | None:
    """Why a step that scales channels may not follow codebooks; None where nothing is wrong."""
    if getattr(following, "equalize", False):
        return (
            f"{later} with equalize: true scales the channels of every layer, so that the values of a codebook multiply"
        )
    granularity = getattr(following, "granularity", None)
    if parameters.scope != "per_layer" or granularity != "per_channel" or getattr(following, "kind", "") == "float16":
        return None
    return (
        f"{later} with granularity: per_channel scales the one codebook of a layer differently in every output "
        f"channel, so that a weight in the file has more than {parameters.size()} values; say granularity: per_tensor, "
        "or scope: per_channel in cluster"
    )


STEPS.register(STEP)(
    StepMethod(
        title="Weight sharing: k-means codebooks whose values are trained",
        parameters=Cluster,
        phase=Phase.VALUES,
        version=2,
        run=run,
        tools=("torch", "numpy", "safetensors", "torchmetrics"),
        sections=("data", "train", "metric"),
        objects_to=objects_to,
    )
)
