"""What pruning did, for the record, the ledger and the proof in the exported file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edgebuild.compress.factorize.claims import after_cut
from edgebuild.compress.prune.cost import stored_bytes
from edgebuild.compress.prune.layer_sides import IN, OUT, sides_of
from edgebuild.compress.prune.outcome import Outcome
from edgebuild.compress.prune.parameters import Prune
from edgebuild.config.quantity import BYTES

if TYPE_CHECKING:
    import torch

STEP = "prune"
BYTES_CLAIM = "parameter_bytes"


def claims_of(outcome: Outcome, earlier: Sequence[Mapping[str, Any]], parameters: Prune) -> list[dict[str, Any]]:
    """The claims of the model folder: those of other steps, and what this one cut.

    What earlier steps claimed of channels and of factors is claimed as they are now.
    """
    kept = [_now(claim, outcome.model) for claim in earlier if claim["step"] != STEP or claim["claim"] == BYTES_CLAIM]
    others = after_cut(kept, outcome.model)
    cut = list(dict.fromkeys(layer for one in outcome.cuts for layer in one.layers))
    readers = [str(edit["output"]) for edit in outcome.edits if edit["edit"] == "keep_heads"]
    channels = [*_sizes(outcome, earlier, "channels", cut), *_sizes(outcome, earlier, "input_channels", readers)]
    claims = [*others, *channels]
    if parameters.round_to > 1:
        claims.append({"claim": "channel_multiple", "step": STEP, "layers": cut, "multiple": parameters.round_to})
    macs = _macs(outcome)
    claims += [macs] if macs["layers"] else []
    keep = parameters.keep
    if keep is not None and keep.quantity == "bytes":
        claims.append({"claim": BYTES_CLAIM, "step": STEP, "maximum": stored_bytes(outcome.model, keep.item_bytes)})
    return claims


def _sizes(
    outcome: Outcome, earlier: Sequence[Mapping[str, Any]], kind: str, layers: Sequence[str]
) -> list[dict[str, Any]]:
    """One claim of this kind per layer that lost channels, now or in an earlier cut."""
    before = [claim["layer"] for claim in earlier if claim["step"] == STEP and claim["claim"] == kind]
    order = [name for name, _ in outcome.model.named_modules()]
    claims = [{"claim": kind, "step": STEP, "layer": layer} for layer in sorted({*before, *layers}, key=order.index)]
    return [_now(claim, outcome.model) for claim in claims]


_SIDES = {"channels": OUT, "input_channels": IN}


def _now(claim: Mapping[str, Any], model: torch.nn.Module) -> dict[str, Any]:
    side = _SIDES.get(claim["claim"])
    if side is None:
        return dict(claim)
    return {**claim, "kept": sides_of(model.get_submodule(claim["layer"]))[side].channels}


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
    channels, removed = _channels(outcome)
    account = {
        "importance": parameters.importance,
        "before": outcome.before.to_json(),
        "cuts": [cut.to_json() for cut in outcome.cuts],
        "refused": None if outcome.refused is None else outcome.refused.to_json(),
        "channels": {"before": channels, "cut": removed},
        "heads": [{"layer": layer, "before": before, "kept": kept} for layer, before, kept in _heads(outcome)],
        "left_alone": [{"layer": one.layer, "reason": one.reason} for one in outcome.left_alone],
        "effect": effect_of(outcome, parameters, unit),
    }
    if outcome.attempts:
        account["attempts"] = [attempt.to_json() for attempt in outcome.attempts]
    if outcome.sparsify is not None:
        account["sparsify"] = {key: value for key, value in outcome.sparsify.items() if key != "history"}
    return account


def _heads(outcome: Outcome) -> list[tuple[str, int, int]]:
    """(attention, heads before, heads now) of all whose heads could be cut."""
    kept = {str(edit["layer"]): len(edit["kept"]) for edit in outcome.edits if edit["edit"] == "keep_heads"}
    return [(layer, before, kept.get(layer, before)) for layer, before in outcome.heads.items()]


def _channels(outcome: Outcome) -> tuple[int, int]:
    """Channels before, and how many were cut; heads are counted by themselves."""
    heads = _heads(outcome)
    removed = sum(cut.removed for cut in outcome.cuts)
    return (
        outcome.channels - sum(before for _, before, _ in heads),
        removed - sum(before - kept for _, before, kept in heads),
    )


def effect_of(outcome: Outcome, parameters: Prune, unit: str) -> str:
    """One sentence: how much was cut, and whether that is all that was asked."""
    last = outcome.cuts[-1].after
    channels, removed = _channels(outcome)
    layers = len({layer for cut in outcome.cuts for layer in cut.layers})
    text = (
        f"{removed} of {channels} channels{_heads_cut(outcome)} cut in {layers} layers, "
        f"{last.macs / outcome.before.macs:.1%} of the MACs and "
        f"{last.parameters / outcome.before.parameters:.1%} of the parameters left"
    )
    keep = parameters.keep
    if keep is not None and keep.quantity == "bytes":
        left = BYTES.show(stored_bytes(outcome.model, keep.item_bytes))
        text += f", {left} of parameters if weights are stored as {keep.stored or 'float32'}"
    if outcome.sparsify is not None:
        cut, kept = (outcome.sparsify["sizes"][which] for which in ("cut", "kept"))
        text += f"; sparsify before it left {_share(cut)} of the channels to be cut and {_share(kept)} of the others"
    if outcome.attempts:
        text += f"; {sum(attempt.kept for attempt in outcome.attempts)} of {len(outcome.attempts)} cuts recovered"
    return text if outcome.refused is None else text + _stopped(outcome, parameters, unit)


def _share(sizes: Mapping[str, float]) -> str:
    return f"{sizes['after'] / sizes['before']:.1%}" if sizes["before"] else "none"


def _stopped(outcome: Outcome, parameters: Prune, unit: str) -> str:
    """Why not all that was asked was cut."""
    refused = outcome.refused
    assert refused is not None, "only asked where there is one"
    key = "max_accuracy_drop" if parameters.recover is None else "recover"
    return (
        f"; stopped short of {_asked(parameters)}: the next cut, to "
        f"{refused.after.macs / outcome.before.macs:.1%} of the MACs, lost {refused.lost:.4g} {unit}, more than "
        f"{key} {parameters.bound():g}"
    )


_NAMED = 3
"""Attentions that the sentence names at most."""


def _heads_cut(outcome: Outcome) -> str:
    cut = [(layer, before, kept) for layer, before, kept in _heads(outcome) if kept < before]
    if not cut:
        return ""
    if len(cut) <= _NAMED:
        parts = [f"{before - kept} of {before} heads of {layer or 'the model'}" for layer, before, kept in cut]
        return f", {', '.join(parts)}"
    gone, all_of_them = (sum(numbers) for numbers in zip(*((b - k, b) for _, b, k in cut), strict=True))
    return f", {gone} of {all_of_them} heads of {len(cut)} attentions"


def _asked(parameters: Prune) -> str:
    if parameters.keep is not None:
        return f"keep.{parameters.keep.key} {parameters.keep.shown()}"
    return "ratios" if parameters.ratio is None else f"ratio {parameters.ratio:g}"
