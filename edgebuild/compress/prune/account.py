"""What pruning did, for the record, the ledger and the proof in the exported file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edgebuild.compress.factorize.claims import after_cut
from edgebuild.compress.prune.layer_sides import OUT, sides_of
from edgebuild.compress.prune.parameters import Prune
from edgebuild.compress.prune.procedure import Outcome

if TYPE_CHECKING:
    import torch

STEP = "prune"


def claims_of(outcome: Outcome, earlier: Sequence[Mapping[str, Any]], round_to: int) -> list[dict[str, Any]]:
    """The claims of the model folder: those of other steps, and what this one cut.

    What earlier steps claimed of channels and of factors is claimed as they are now.
    """
    kept = [_now(claim, outcome.model) for claim in earlier if claim["step"] != STEP]
    others = after_cut(kept, outcome.model)
    before = [claim["layer"] for claim in earlier if claim["step"] == STEP and claim["claim"] == "channels"]
    cut = list(dict.fromkeys(layer for one in outcome.cuts for layer in one.layers))
    order = [name for name, _ in outcome.model.named_modules()]
    layers = sorted({*before, *cut}, key=order.index)
    channels = [
        {"claim": "channels", "step": STEP, "layer": layer, "kept": _channels(outcome.model, layer)} for layer in layers
    ]
    claims = [*others, *channels]
    if round_to > 1:
        claims.append({"claim": "channel_multiple", "step": STEP, "layers": cut, "multiple": round_to})
    macs = _macs(outcome)
    return [*claims, macs] if macs["layers"] else claims


def _now(claim: Mapping[str, Any], model: torch.nn.Module) -> Mapping[str, Any]:
    return {**claim, "kept": _channels(model, claim["layer"])} if claim["claim"] == "channels" else claim


def _channels(model: torch.nn.Module, layer: str) -> int:
    return sides_of(model.get_submodule(layer))[OUT].channels


def _macs(outcome: Outcome) -> dict[str, Any]:
    """MACs of the convolutions and matrix products that became cheaper, before and now."""
    from torch import nn

    before, now = outcome.before.layer_macs, outcome.cuts[-1].after.layer_macs
    # What a transposed convolution takes cannot be told from the shapes in every kind of file.
    kinds = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
    cheaper = [layer for layer in before if now.get(layer, 0) < before[layer]]
    layers = [layer for layer in cheaper if isinstance(outcome.model.get_submodule(layer), kinds)]
    totals = {"before": sum(before[layer] for layer in layers), "maximum": sum(now[layer] for layer in layers)}
    return {"claim": "macs", "step": STEP, "layers": layers, **totals}


def record_of(outcome: Outcome, parameters: Prune, unit: str) -> dict[str, Any]:
    """What model.json says of the step: before, every cut, what stopped it, and one sentence on its effect."""
    return {
        "importance": parameters.importance,
        "before": outcome.before.to_json(),
        "cuts": [cut.to_json() for cut in outcome.cuts],
        "refused": None if outcome.refused is None else outcome.refused.to_json(),
        "channels": {"before": outcome.channels, "cut": sum(cut.removed for cut in outcome.cuts)},
        "effect": effect_of(outcome, parameters, unit),
    }


def effect_of(outcome: Outcome, parameters: Prune, unit: str) -> str:
    """One sentence: how much was cut, and whether that is all that was asked."""
    last = outcome.cuts[-1].after
    removed = sum(cut.removed for cut in outcome.cuts)
    layers = len({layer for cut in outcome.cuts for layer in cut.layers})
    text = (
        f"{removed} of {outcome.channels} channels cut in {layers} layers, {last.macs / outcome.before.macs:.1%} of "
        f"the MACs and {last.parameters / outcome.before.parameters:.1%} of the parameters left"
    )
    if outcome.refused is None:
        return text
    refused = outcome.refused
    return (
        f"{text}; stopped short of {_asked(parameters)}: the next cut, to "
        f"{refused.after.macs / outcome.before.macs:.1%} of the MACs, lost {refused.lost:.4g} {unit}, more than "
        f"max_accuracy_drop {parameters.max_accuracy_drop:g}"
    )


def _asked(parameters: Prune) -> str:
    if parameters.keep is None:
        return f"ratio {parameters.ratio:g}"
    if parameters.keep.macs is not None:
        return f"keep.macs {parameters.keep.macs:g}"
    return f"keep.parameters {parameters.keep.parameters:g}"
