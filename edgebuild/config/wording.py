"""What is wrong with a value, in plain words: `expected a whole number, found 'ten'`, `1.4 is not in [0, 1)`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Any

from annotated_types import Ge, Gt, Interval, Le, Lt


class BadValueError(ValueError):
    """Raised by a validator of a table whose message needs no more words.

    Attributes:
        key: below the table that raised it, where one key of several is to blame; `caches.l2` is one of a table in it.
        tell_found: add what was found to the message: the value, of `key` where there is one.
    """

    def __init__(self, message: str, *, key: str | None = None, tell_found: bool = False) -> None:
        super().__init__(message)
        self.key = key
        self.tell_found = tell_found


_EXPECTED = {
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "string_type": "text",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "none_required": "nothing",
}


def expected_words(kind: str, choices: Sequence[str]) -> str | None:
    """What pydantic's error `kind` says was expected; None for errors that are not about the type."""
    if kind in ("literal_error", "enum"):
        return f"one of {', '.join(choices)}" if len(choices) > 1 else repr(choices[0])
    return _EXPECTED.get(kind)


def bounds_words(metadata: Iterable[Any]) -> str:
    """`in [0, 1)` for bounds on both sides, else `at least 1`, `above 0`, `at most 5`, `below 1`; else empty."""
    low = high = ""
    flat = [part for item in metadata for part in (item if isinstance(item, Interval) else (item,))]
    for item in flat:
        if isinstance(item, Ge):
            low = f"[{item.ge}"
        elif isinstance(item, Gt):
            low = f"({item.gt}"
        elif isinstance(item, Le):
            high = f"{item.le}]"
        elif isinstance(item, Lt):
            high = f"{item.lt})"
    if low and high:
        return f"in {low}, {high}"
    if low:
        return f"{'at least' if low[0] == '[' else 'above'} {low[1:]}"
    if high:
        return f"{'at most' if high[-1] == ']' else 'below'} {high[:-1]}"
    return ""


def range_message(found: str, bounds: str) -> str:
    """`1.4 is not in [0, 1)`, or `expected at least 1, found 0`."""
    return f"{found} is not {bounds}" if bounds.startswith("in ") else f"expected {bounds}, found {found}"


def suggestion(name: str, known: Iterable[str]) -> str:
    """`; did you mean 'seed'?` or nothing, for an unknown name."""
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]!r}?" if near else ""


def threads_words(count: int) -> str:
    """`1 thread`, `4 threads`."""
    return "1 thread" if count == 1 else f"{count} threads"


def unknown_name(what: str, name: str, known: Sequence[str]) -> str:
    """`unknown target 'x'; did you mean 'y'?`, else the list of the known ones."""
    hint = suggestion(name, known) or f"; known: {', '.join(known) or 'none'}"
    return f"unknown {what} {name!r}{hint}"


def unknown_key(key: str, known: Sequence[str]) -> str:
    """`unknown key; did you mean 'seed'?`, else the list of the known ones."""
    hint = suggestion(key, known) or f"; known: {', '.join(known) or 'none'}"
    return f"unknown key{hint}"


def suggests(unknown: Iterable[str], missing: str) -> bool:
    """Whether one of the unknown keys was probably meant to be the missing one."""
    return bool(difflib.get_close_matches(missing, list(unknown), n=1))


def other_words(message: str, found: str) -> str:
    """Our best for an error of pydantic that we have no words for."""
    text = re.sub(r"^(Input|Value|String|List|Tuple) should ", "should ", message)
    return f"{text}; found {found}"
