"""What kind of instruction a word of A64 is (Arm Architecture Reference Manual for A-profile, chapter C4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Literal

from edgebuild.device.qemu_profile import BlockProfile

Kind = Literal[
    "integer",
    "multiply",
    "branch",
    "load",
    "store",
    "vector_load",
    "vector_store",
    "float_multiply_add",
    "dot_product",
    "integer_multiply_add",
    "vector",
    "scalar_float",
    "system",
]
"""`vector_…`, `float_multiply_add`, `dot_product`, `integer_multiply_add` and `vector` are those of NEON."""

_FUSED_BY_ELEMENT = (1, 5)
_DOT_BY_ELEMENT = (14, 15)
_FLOAT_PRODUCT_BY_ELEMENT = 9


def kind_of(word: int) -> Kind:
    """The kind of one encoded instruction; `system` also for words that are none."""
    group = word >> 25 & 0xF
    if group & 0xE == 0x8:
        return "integer"
    if group & 0xE == 0xA:
        return "system" if word >> 24 in (0xD4, 0xD5) else "branch"
    if group & 0x5 == 0x4:
        return _memory(word)
    if group & 0x7 == 0x5:
        divides = word >> 21 & 0x3FF == 0xD6 and word >> 11 & 0x1F == 1
        return "multiply" if word >> 24 & 0x1F == 0x1B or divides else "integer"
    return _vector(word) if group & 0x7 == 0x7 else "system"


def counts_by_kind(profile: BlockProfile) -> Mapping[Kind, int]:
    """Executed instructions of each kind, most first."""
    counts: Counter[Kind] = Counter()
    for block in profile.blocks:
        for word in block.words:
            counts[kind_of(word)] += block.times
    return {kind: count for kind, count in counts.most_common() if count > 0}


def _memory(word: int) -> Kind:
    vector = bool(word >> 26 & 1)
    loads = bool(word >> 22 & 1)
    form = word >> 27 & 0x7
    if form == 0x3 and word >> 24 & 0x3 == 0:  # from beside the program
        loads = True
    elif form == 0x7 and not vector:
        loads = word >> 22 & 0x3 != 0
    if vector:
        return "vector_load" if loads else "vector_store"
    return "load" if loads else "store"


def _vector(word: int) -> Kind:
    form, unsigned = word >> 24 & 0x1F, bool(word >> 29 & 1)
    if word >> 30 & 1 == 0 and form in (0x1E, 0x1F):
        return "scalar_float"
    if form == 0x0F and word >> 10 & 1 == 0:
        return _by_element(word >> 12 & 0xF, unsigned=unsigned)
    if form != 0x0E:
        return "vector"
    if word >> 21 & 1 and word >> 10 & 1:  # three registers of one width
        operation = word >> 11 & 0x1F
        if operation == 0x19 and not unsigned:
            return "float_multiply_add"
        return "integer_multiply_add" if operation in (0x12, 0x13, 0x16) else "vector"
    if word >> 21 & 1 and word >> 10 & 3 == 0:  # the result is wider
        return "integer_multiply_add" if 8 <= word >> 12 & 0xF <= 13 else "vector"
    if not word >> 21 & 1 and word >> 15 & 1 and word >> 10 & 1:
        return "dot_product" if 2 <= word >> 11 & 0xF <= 5 else "integer_multiply_add"
    return "vector"


def _by_element(operation: int, *, unsigned: bool) -> Kind:
    if operation in _DOT_BY_ELEMENT:
        return "dot_product"
    if operation in _FUSED_BY_ELEMENT:
        return "float_multiply_add"
    return "vector" if operation == _FLOAT_PRODUCT_BY_ELEMENT and not unsigned else "integer_multiply_add"
