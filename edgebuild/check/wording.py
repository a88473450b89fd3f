"""Naming things in findings the same way everywhere: layers of the user's model, counts, short lists."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from edgebuild.check.census.model import OperationRecord, TensorRecord

_SHOWN = 6


def layers_of(records: Iterable[TensorRecord | OperationRecord], order: Sequence[str]) -> tuple[str, ...]:
    """The layers of the user's model that the records come from, each once, in the order of `order` (forward order)."""
    found = {record.layer for record in records if record.layer is not None}
    known = [layer for layer in order if layer in found]
    return (*known, *sorted(found.difference(order)))


def place(record: TensorRecord | OperationRecord) -> str:
    """What a reader calls the record: its layer, or its name in the file where the file does not tell the layer."""
    return record.layer if record.layer is not None else record.name


def places(records: Iterable[TensorRecord | OperationRecord]) -> str:
    """The records' places, each once, in file order, shortened: `fc1, fc2 and 3 more`."""
    return listing(dict.fromkeys(place(record) for record in records))


def listing(names: Iterable[str]) -> str:
    """`a, b, c`; after six names `and N more`."""
    every = list(names)
    if len(every) <= _SHOWN + 1:
        return ", ".join(every)
    return f"{', '.join(every[:_SHOWN])} and {len(every) - _SHOWN} more"


def count(number: int, noun: str) -> str:
    """`1 weight tensor`, `2 weight tensors`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def of_total(
    number: int, total: int, noun: str, plural: str | None = None, verbs: tuple[str, str] = ("is", "are")
) -> str:
    """`2 of 31 weight tensors are`, `1 of 31 weight tensors is`: a subject with its verb."""
    nouns = noun if total == 1 else plural or f"{noun}s"
    return f"{number} of {total} {nouns} {verbs[0] if number == 1 else verbs[1]}"
