"""The kinds `unstructured` and `n_m` of the plan step `prune`: single weights are set to zero and stay so."""

from __future__ import annotations

import json
from typing import Any

from edgebuild.compress.constraints.zeros import FILE, ZEROS, read_masks, write_masks
from edgebuild.compress.prune.kinds import PRUNE_KINDS
from edgebuild.compress.prune.weights.parameters import Pattern, Unstructured, WeightPruning
from edgebuild.compress.prune.weights.procedure import Zeroed
from edgebuild.compress.step import Phase, StepContext, StepMethod
from edgebuild.errors import ConfigError
from edgebuild.model.model_folder import ModelRecord, read_record

STEP = "prune"
_RATES = ("sparsity", "zero_places", "stored_zeros")


def run(context: StepContext, parameters: WeightPruning) -> None:
    """Write the model folder with weights at zero, their masks, and history.json with every epoch.

    Raises:
        ConfigError: there is no weight to set to zero, or the model is an exported program.
    """
    from edgebuild.compress.open_attention import open_attentions
    from edgebuild.compress.prune.weights.procedure import set_to_zero
    from edgebuild.compress.scale import open_scale
    from edgebuild.compress.training import Training
    from edgebuild.model.load import derive_model_folder, rebuild
    from edgebuild.model.seeding import deterministic

    record = read_record(context.model)
    if record.source["kind"] == "program":
        msg = "prune: a torch.export program has its weights inside, and they cannot be trained after some are zero"
        raise ConfigError(msg, remedy="give the model as model.factory with its weights")
    model = rebuild(context.model, context.project_root)
    opened = open_attentions(model)
    with deterministic(context.seed, context.threads):
        scale = open_scale(context)
        training = Training(context, parameters.finetune)
        zeroed = set_to_zero(model, parameters, scale, training, context.seed, read_masks(context.model))
    others = [one for one in record.constraints if one != ZEROS]
    unit = "points" if scale.metric.unit == "%" else scale.metric.unit
    derive_model_folder(
        context.model,
        context.output,
        model,
        edits=(*record.edits, *opened),
        claims=_claims(record, parameters, zeroed),
        constraints=(*others, ZEROS),
        extra={**record.extra, STEP: _account(parameters, zeroed, scale.lost(zeroed.before, zeroed.after), unit)},
    )
    write_masks(context.output, zeroed.masks)
    (context.output / "history.json").write_text(json.dumps(zeroed.history, indent=1) + "\n")


def _claims(record: ModelRecord, parameters: WeightPruning, zeroed: Zeroed) -> tuple[dict[str, Any], ...]:
    """Those of earlier steps; what was asked of this one; and the zeros of every layer as they are now, with places."""
    others = [claim for claim in record.claims if claim["claim"] not in _RATES or claim["step"] != STEP]
    zeros = zeroed.zeros()
    layers = {name.removesuffix(".weight"): count for name, count in zeros.items()}
    sizes = {name.removesuffix(".weight"): zeroed.masks[name].numel() for name in zeros}
    exact = [
        {"claim": "sparsity", "step": STEP, "layer": layer, "zeros": count, "weights": sizes[layer]}
        for layer, count in layers.items()
    ]
    asked: list[dict[str, Any]] = []
    if isinstance(parameters, Pattern):
        stay, of = parameters.stay_of()
        asked = [{"claim": "pattern", "step": STEP, "layer": one, "stay": stay, "of": of} for one in zeroed.asked]
    elif isinstance(parameters, Unstructured):
        rate = {"minimum": parameters.sparsity, "together": True}
        asked = [{"claim": "sparsity", "step": STEP, "layers": list(zeroed.asked), **rate}]
    places = [
        {"claim": "zero_places", "step": STEP, "layer": layer, "file": FILE, "tensor": f"{layer}.weight"}
        for layer in layers
        if layer not in zeroed.transposed
    ]
    return (*others, *asked, *exact, *places, {"claim": "stored_zeros", "step": STEP, "layers": list(layers)})


def _account(parameters: WeightPruning, zeroed: Zeroed, lost: float, unit: str) -> dict[str, Any]:
    """What model.json says of the step."""
    zeros = zeroed.zeros()
    shares = [count / zeroed.masks[name].numel() for name, count in zeros.items()]
    asked = f"{parameters.sparsity:.1%}" if isinstance(parameters, Unstructured) else "a pattern"
    if isinstance(parameters, Pattern):
        asked = parameters.pattern
    effect = (
        f"{sum(zeros.values())} of {zeroed.total} weights ({sum(zeros.values()) / zeroed.total:.1%}) in {len(zeros)} "
        f"layers set to zero ({asked} asked), {min(shares, default=0):.1%} to {max(shares, default=0):.1%} of a layer; "
        f"{abs(lost):.4g} {unit} {'lost' if lost > 0 else 'gained'}"
    )
    return {
        "importance": parameters.importance,
        "before": zeroed.before.to_json(),
        "after": zeroed.after.to_json(),
        "cuts": [dict(cut) for cut in zeroed.cuts],
        "left_alone": dict(zeroed.left_alone),
        "effect": effect,
    }


_TOOLS = ("torch", "numpy", "safetensors", "torchmetrics")
_SECTIONS = ("data", "train", "metric")

PRUNE_KINDS.register("unstructured")(
    StepMethod(
        title="Unstructured pruning: single weights are set to zero, and stay so in all later training",
        parameters=Unstructured,
        phase=Phase.TRAIN,
        version=2,
        run=run,
        tools=_TOOLS,
        sections=_SECTIONS,
    )
)
PRUNE_KINDS.register("n_m")(
    StepMethod(
        title="N:M pruning: of every M weights in a row N stay, the others are zero in all later training",
        parameters=Pattern,
        phase=Phase.TRAIN,
        version=2,
        run=run,
        tools=_TOOLS,
        sections=_SECTIONS,
    )
)
