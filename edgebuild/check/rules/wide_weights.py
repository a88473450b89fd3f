"""Rule `wide-weights`: where 4-bit weights were asked for, every operation that takes them has them."""

from __future__ import annotations

from edgebuild.check.census.model import Census, TensorRecord
from edgebuild.check.finding import Finding
from edgebuild.check.four_bits import FOUR_BITS, obstacle
from edgebuild.check.layer_types import FLOATS, owner
from edgebuild.check.promise import Promise
from edgebuild.check.rule import Rule
from edgebuild.check.wiring import Wiring
from edgebuild.check.wording import layers_of, listing, of_total, place, places
from edgebuild.config.registries import RULES

CODE = "wide-weights"


def check(census: Census, promise: Promise, layers: tuple[str, ...]) -> list[Finding]:
    """Find weights of more than 4 bits; a note where their operation has no kernel for less."""
    if promise.dtype not in FOUR_BITS:
        return []
    wiring = Wiring(census)
    weights = [t for t in census.weights if t.shape and owner(t.layer, promise.layer_types) is None]
    wide = [tensor for tensor in weights if tensor.dtype != "int4" and tensor.dtype not in FLOATS]
    reasons = {tensor.index: obstacle(tensor, wiring.kernel_of(tensor)) for tensor in wide}
    excused = [tensor for tensor in wide if reasons[tensor.index] is not None]
    left = [tensor for tensor in wide if reasons[tensor.index] is None]
    findings = []
    if left:
        message = f"{promise.dtype} asked: {_subject(left, weights)} ({places(left)})"
        findings.append(Finding(CODE, message, layers_of(left, layers)))
    if excused:
        why = listing(dict.fromkeys(f"{place(tensor)}: {reasons[tensor.index]}" for tensor in excused))
        message = f"{promise.dtype} asked: {_subject(excused, weights)} ({why})"
        findings.append(Finding(CODE, message, layers_of(excused, layers), severity="note"))
    return findings


def _subject(some: list[TensorRecord], every: list[TensorRecord]) -> str:
    types = " and ".join(sorted({tensor.dtype for tensor in some}))
    return f"{of_total(len(some), len(every), 'weight tensor')} {types}"


RULES.register(CODE)(Rule("where 4-bit weights were asked for, every operation that takes them has them", check))
