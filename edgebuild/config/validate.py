"""Checking a located mapping against a typed table, every problem at its own line and column."""

from __future__ import annotations

import json
import types
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from edgebuild.config.document import describe_value
from edgebuild.config.located import Located
from edgebuild.config.problem import ProblemList
from edgebuild.config.wording import (
    BadValueError,
    bounds_words,
    expected_words,
    other_words,
    range_message,
    suggestion,
    suggests,
    unknown_key,
)

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class _Complaint:
    """One error of pydantic at its place; `expected` is set where it is only about what kind of value stands there."""

    at: Located
    message: str
    expected: str | None = None
    at_key: bool = False
    missing: str | None = None


def read_table(
    table: type[M],
    located: Located,
    problems: ProblemList,
    *,
    context: Mapping[str, Any] | None = None,
    incomplete: bool = False,
) -> M | None:
    """Return `located` as `table`, or None after adding every problem with it.

    Args:
        table: a pydantic class; values are checked strictly: `'10'` and `1.0` are no whole numbers.
        located: the value as it stands in a file.
        problems: gets what is wrong.
        context: for the validators, `root` is the folder that paths are relative to.
        incomplete: True where a part of the value is known to be lost, so that a missing key is no news.
    """
    if not isinstance(located.value, dict):
        problems.add(located.problem(f"expected a mapping, found {describe_value(located)}"))
        return None
    try:
        return table.model_validate_json(json.dumps(located.plain()), strict=True, context=dict(context or {}))
    except ValidationError as error:
        complaints = [_translate(table, located, detail) for detail in error.errors(include_url=False)]
    for complaint in _without_near_misses(_join_alternatives(complaints)):
        if not (incomplete and complaint.missing):
            at = complaint.at
            problems.add(at.problem(complaint.message, at_key=complaint.at_key, missing=complaint.missing))
    return None


def keys_of(table: type[BaseModel]) -> list[str]:
    """The keys of a table as they stand in YAML, in the order of declaration."""
    return [info.alias or name for name, info in table.model_fields.items()]


def _translate(table: type[BaseModel], located: Located, detail: Any) -> _Complaint:
    loc: tuple[str | int, ...] = detail["loc"]
    kind: str = detail["type"]
    at = _descend(located, loc)
    if kind == "missing":
        info = _declaration(table, loc)
        words = f"missing ({info.description})" if info is not None and info.description else "missing"
        return _Complaint(_descend(located, loc[:-1]), words, missing=str(loc[-1]))
    if kind == "extra_forbidden":
        return _Complaint(at, unknown_key(str(loc[-1]), _known_keys(table, loc[:-1])), at_key=True)
    found = describe_value(at)
    if kind == "value_error":
        return _from_validator(at, detail["ctx"]["error"], found)
    info = _declaration(table, loc)
    choices = _choices(table, loc)
    expected = expected_words(kind, choices or [str(detail.get("ctx", {}).get("expected", ""))])
    if kind == "model_type":
        expected = getattr(_strip(_annotation(table, loc)[0]), "short_form", "") + str(expected)
    if expected is not None:
        return _Complaint(at, _type_message(kind, expected, at, choices), expected)
    if kind in ("greater_than", "greater_than_equal", "less_than", "less_than_equal"):
        metadata = _metadata(table, loc)
        return _Complaint(at, range_message(found, bounds_words(metadata) or _context_bound(kind, detail)))
    if kind in ("too_short", "string_too_short"):
        return _Complaint(at, "is empty; expected at least one" if not at.value else other_words(detail["msg"], found))
    return _Complaint(at, other_words(detail["msg"], found))


def _type_message(kind: str, expected: str, at: Located, choices: list[str]) -> str:
    found = describe_value(at)
    message = f"expected {expected}, found {found}"
    if kind == "string_type" and at.raw is not None and at.value is not None:
        return f"{message}; put it in quotes: '{at.raw}'"
    if kind in ("literal_error", "enum") and isinstance(at.value, str):
        return message + suggestion(at.value, choices)
    return message


def _from_validator(at: Located, error: ValueError, found: str) -> _Complaint:
    if not isinstance(error, BadValueError):
        return _Complaint(at, str(error))
    if error.key is not None:
        *outer, key = error.key.split(".")
        for part in outer:
            at = at.child(part) or at
        child = at.child(key)
        if child is None:
            return _Complaint(at, str(error), missing=key)
        if error.tell_found:
            return _Complaint(child, f"{error}, found {describe_value(child)}")
        return _Complaint(child, str(error), at_key=True)
    return _Complaint(at, f"{error}, found {found}" if error.tell_found else str(error))


def _context_bound(kind: str, detail: Any) -> str:
    name, word = {
        "greater_than": ("gt", "above"),
        "greater_than_equal": ("ge", "at least"),
        "less_than": ("lt", "below"),
        "less_than_equal": ("le", "at most"),
    }[kind]
    return f"{word} {detail['ctx'][name]}"


def _join_alternatives(complaints: list[_Complaint]) -> list[_Complaint]:
    """Where a value may be of several kinds, pydantic has one error for each: make them one sentence."""
    result: list[_Complaint] = []
    for complaint in complaints:
        same = [c for c in result if c.at is complaint.at and c.expected is not None]
        if complaint.expected is None or not same:
            result.append(complaint)
            continue
        expected = f"{same[0].expected} or {complaint.expected}"
        message = f"expected {expected}, found {describe_value(complaint.at)}"
        result[result.index(same[0])] = _Complaint(complaint.at, message, expected)
    return result


def _without_near_misses(complaints: list[_Complaint]) -> list[_Complaint]:
    """A misspelt key is told once: as unknown with a suggestion, not as missing too."""
    unknown = [c.at.path for c in complaints if c.at_key]
    result = []
    for complaint in complaints:
        beside = [str(path[-1]) for path in unknown if path[:-1] == complaint.at.path]
        if complaint.missing is None or not suggests(beside, complaint.missing):
            result.append(complaint)
    return result


def _descend(located: Located, loc: tuple[str | int, ...]) -> Located:
    """The deepest value on the way; parts that are no keys (names of union members) are passed over."""
    for part in loc:
        located = located.child(part) or located
    return located


def _declaration(table: type[BaseModel], loc: tuple[str | int, ...]) -> FieldInfo | None:
    owner = _strip(_annotation(table, loc[:-1])[0])
    return _field(owner, str(loc[-1])) if loc and _is_table(owner) else None


def _known_keys(table: type[BaseModel], loc: tuple[str | int, ...]) -> list[str]:
    owner = _strip(_annotation(table, loc)[0])
    return keys_of(owner) if _is_table(owner) else []


def _choices(table: type[BaseModel], loc: tuple[str | int, ...]) -> list[str]:
    annotation = _strip(_annotation(table, loc)[0])
    return [str(value) for value in get_args(annotation)] if get_origin(annotation) is Literal else []


def _metadata(table: type[BaseModel], loc: tuple[str | int, ...]) -> list[Any]:
    return _annotation(table, loc)[1]


def _annotation(table: type[BaseModel], loc: tuple[str | int, ...]) -> tuple[Any, list[Any]]:
    """The declared type at `loc` and the bounds that go with it."""
    annotation: Any = table
    metadata: list[Any] = []
    for part in loc:
        inner = _strip(annotation)
        if _is_table(inner):
            info = _field(inner, str(part))
            annotation, metadata = (info.annotation, list(info.metadata)) if info else (None, [])
        elif get_origin(inner) in (tuple, list, dict):
            arguments = get_args(inner)
            annotation = arguments[-1] if get_origin(inner) is dict else arguments[0]
            metadata = []
        if get_origin(annotation) is Annotated:
            metadata = [*metadata, *_flat_metadata(annotation)]
    return annotation, metadata


def _flat_metadata(annotation: Any) -> list[Any]:
    flat: list[Any] = []
    for item in annotation.__metadata__:
        flat.extend(item.metadata if isinstance(item, FieldInfo) else [item])
    return flat


def _strip(annotation: Any) -> Any:
    """The type inside `Annotated` and `... | None`."""
    if get_origin(annotation) is Annotated:
        return _strip(get_args(annotation)[0])
    if get_origin(annotation) in (Union, types.UnionType):
        inner = [arm for arm in get_args(annotation) if arm is not type(None)]
        return _strip(inner[0]) if len(inner) == 1 else annotation
    return annotation


def _is_table(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, BaseModel)


def _field(table: type[BaseModel], key: str) -> FieldInfo | None:
    for name, info in table.model_fields.items():
        if key in (info.alias, name):
            return info
    return None
