"""What factorization did, for the record, the ledger and the proof in the exported file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from edgebuild.compress.factorize.claims import factors_claim, moved, names_of
from edgebuild.compress.factorize.obstacles import words_of
from edgebuild.compress.factorize.parameters import Factorize
from edgebuild.compress.factorize.procedure import Outcome, Replaced

STEP = "factorize"
_SHOWN = 4


def claims_of(outcome: Outcome, earlier: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The claims of the model folder: those of earlier steps, about what their layers are now, and this one's."""
    chosen = [one.candidate for one in outcome.replaced]
    parts = {one.layer: names_of(one.layer, len(one.factors)) for one in chosen}
    macs = {
        "claim": "macs",
        "step": STEP,
        "layers": [name for names in parts.values() for name in names],
        "before": sum(one.macs for one in outcome.replaced),
        "maximum": sum(one.macs for one in chosen),
    }
    own = [factors_claim(STEP, one.layer, one.method, one.ranks, one.factors) for one in chosen]
    return [*(moved(claim, parts) for claim in earlier), *own, macs]


def record_of(outcome: Outcome, parameters: Factorize, unit: str) -> dict[str, Any]:
    """What model.json says of the step: before and after, every layer, and one sentence on its effect."""
    return {
        "kind": parameters.kind,
        "rank": str(parameters.rank),
        "before": outcome.before.to_json(),
        "untrained": outcome.untrained.to_json(),
        "after": outcome.after.to_json(),
        "lost": outcome.lost,
        "layers": [_row(one) for one in outcome.replaced],
        "left_alone": [{"layer": one.layer, "reason": words_of(one.reason)} for one in outcome.left_alone],
        "effect": effect_of(outcome, unit),
    }


def _row(one: Replaced) -> dict[str, Any]:
    candidate = one.candidate
    return {
        "layer": candidate.layer,
        "method": candidate.method,
        "ranks": list(candidate.ranks),
        "energy": 1 - candidate.lost,
        "macs": {"before": one.macs, "after": candidate.macs},
        "parameters": {"before": one.parameters, "after": candidate.parameters},
    }


def effect_of(outcome: Outcome, unit: str) -> str:
    """One sentence: what became factors, what that saves, and what was left alone."""
    methods = Counter(one.candidate.method for one in outcome.replaced)
    how = ", ".join(f"{count} by {method}" for method, count in sorted(methods.items()))
    count = len(outcome.replaced)
    total = count + len(outcome.left_alone)
    before, after = outcome.before, outcome.after
    text = (
        f"{count} of {total} layers factorized ({how}), {after.macs / before.macs:.1%} of the MACs and "
        f"{after.parameters / before.parameters:.1%} of the parameters left"
    )
    if outcome.history:
        text += f"; {outcome.untrained.quality:.4g} {unit} without training, {after.quality:.4g} after it"
    return f"{text}{_alone(outcome)}"


def _alone(outcome: Outcome) -> str:
    if not outcome.left_alone:
        return ""
    named = [f"{one.layer} ({words_of(one.reason)})" for one in outcome.left_alone[:_SHOWN]]
    more = f", and {len(outcome.left_alone) - _SHOWN} more" if len(outcome.left_alone) > _SHOWN else ""
    return f"; left alone: {', '.join(named)}{more}"
