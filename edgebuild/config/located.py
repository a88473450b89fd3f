"""A YAML value that knows where it stands, and how two of them are merged without forgetting it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from edgebuild.config.problem import Problem

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True)
class Source:
    """One file: its name as the user would type it, and its lines."""

    label: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Spot:
    """A place in a file; line and column count from 1."""

    line: int
    column: int


@dataclass(frozen=True)
class Located:
    """One value of a document.

    Attributes:
        value: a scalar, a list of Located, or a dict of Located.
        source: the file it was written in, which for an inherited value is not the file that inherits it.
        path: of keys from the top of that file.
        key_spot: where its key (or list item) begins.
        value_spot: where the value itself begins.
        raw: a scalar as it is written; None for lists and mappings.
    """

    value: Any
    source: Source
    path: KeyPath
    key_spot: Spot
    value_spot: Spot
    raw: str | None = None

    def plain(self) -> Any:
        """The value without places, as plain JSON values."""
        if isinstance(self.value, dict):
            return {key: item.plain() for key, item in self.value.items()}
        if isinstance(self.value, list):
            return [item.plain() for item in self.value]
        return self.value

    def child(self, key: str | int) -> Located | None:
        """The value below `key` (of a mapping) or at an index (of a list); None where there is none."""
        if isinstance(self.value, dict) and isinstance(key, str):
            found: Located | None = self.value.get(key)
            return found
        if isinstance(self.value, list) and isinstance(key, int) and 0 <= key < len(self.value):
            item: Located = self.value[key]
            return item
        return None

    def with_value(self, value: Any) -> Located:
        """The same place with another value, for a shorthand that stands for a mapping."""
        return Located(value, self.source, self.path, self.key_spot, self.value_spot, None)

    def without(self, *keys: str) -> Located:
        """The same mapping without some of its keys."""
        return self.with_value({key: item for key, item in self.value.items() if key not in keys})

    @property
    def place(self) -> str:
        """`file:line`, for messages about another value."""
        return f"{self.source.label}:{self.key_spot.line}"

    def problem(self, message: str, *, at_key: bool = False, missing: str | None = None) -> Problem:
        """A problem with this value; `at_key` points at its key, `missing` names a key that should be in it."""
        spot = self.key_spot if at_key or missing else self.value_spot
        path = (*self.path, missing) if missing else self.path
        lines = self.source.lines
        text = lines[spot.line - 1] if 0 < spot.line <= len(lines) else ""
        return Problem(self.source.label, spot.line, spot.column, format_path(path), message, text)


def written_in(source: Source, *candidates: Located | None) -> Located:
    """Of values that do not fit together the first one from `source`, where a user looks; else the first of all."""
    known = [candidate for candidate in candidates if candidate is not None]
    return next((candidate for candidate in known if candidate.source is source), known[0])


def format_path(path: KeyPath) -> str:
    """`targets[1].export.dtype`; a step of a plan is named by itself: `quantize.kind`, as the line says which it is."""
    parts = list(path)
    if "plan" in parts:
        at = parts.index("plan")
        if len(parts) > at + 2 and isinstance(parts[at + 1], int):
            del parts[at : at + 2]
    text = ""
    for part in parts:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    return text


@dataclass(frozen=True)
class MergeRules:
    """What depends on what when a child changes its parent's choice.

    Attributes:
        dependents: (path of a mapping, selecting key) -> keys of that mapping that belong to the selected thing; None
            stands for all other keys.
    """

    dependents: Mapping[tuple[KeyPath, str], tuple[str, ...] | None] = field(default_factory=dict)


def merge(base: Located, child: Located, rules: MergeRules, path: KeyPath = ()) -> Located:
    """`child` over `base`: mappings are merged key by key, everything else is replaced; an empty value removes a key.

    A key that belongs to a choice of the parent (the options of its format) goes when the child chooses otherwise.
    Every value keeps the file and line it came from; the merged mapping itself stands where the child's stands.
    """
    if not (isinstance(base.value, dict) and isinstance(child.value, dict)):
        return child
    inherited = _still_valid(base, child, rules, path)
    result: dict[str, Located] = {}
    for key in dict.fromkeys([*inherited, *child.value]):
        mine, theirs = child.value.get(key), inherited.get(key)
        if mine is None:
            result[key] = inherited[key]
        elif mine.value is not None:
            result[key] = mine if theirs is None else merge(theirs, mine, rules, (*path, key))
    return child.with_value(result)


def _still_valid(base: Located, child: Located, rules: MergeRules, path: KeyPath) -> dict[str, Located]:
    inherited: dict[str, Located] = dict(base.value)
    for (place, selector), dependents in rules.dependents.items():
        mine, theirs = child.child(selector), base.child(selector)
        if place != path or mine is None or theirs is None or mine.value == theirs.value:
            continue
        gone = [key for key in inherited if key != selector] if dependents is None else dependents
        for key in gone:
            inherited.pop(key, None)
    return inherited


def text_at(located: Located, path: tuple[str, ...]) -> Located | None:
    """The text at `path`; None where there is none (which the table tells)."""
    at: Located | None = located
    for key in path:
        at = None if at is None else at.child(key)
    return at if at is not None and isinstance(at.value, str) else None
