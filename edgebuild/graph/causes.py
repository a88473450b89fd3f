"""Why a key is not what it was: two sets of key components, compared part by part, in words."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

_MISSING = object()
_LONGEST = 60
"""Characters of a value that are shown."""


def find_causes(
    old: Mapping[str, Any], new: Mapping[str, Any], why_input: Callable[[str], str | None] = lambda _role: None
) -> list[str]:
    """Name every difference, one line each: `params.finetune.epochs: 4 -> 6`, `code model.py: changed`.

    Args:
        old: components of the key that the stage had before.
        new: components of its key now; parts that are not in it (inputs not made yet) are not compared.
        why_input: role -> why that input's artifact is another one, or None where that is not known.
    """
    causes: list[str] = []
    for part, compare in (
        ("kind", _plain_change),
        ("version", lambda _, before, after: iter([f"how {old.get('kind')} works: version {before} -> {after}"])),
        ("params", _nested_changes),
        ("seed", _plain_change),
        ("inputs", lambda _, before, after: _input_changes(before, after, why_input)),
        ("code", lambda _, before, after: _code_changes(before, after)),
        ("files", lambda _, before, after: _file_changes(before, after)),
        ("tools", lambda _, before, after: _flat_changes("tool ", before, after)),
        ("sources", lambda _, before, after: _source_parts(before, after)),
        ("platform", lambda _, before, after: _flat_changes("this machine's ", before or {}, after or {})),
    ):
        if part in new and part in old and old[part] != new[part]:
            causes.extend(compare(part, old[part], new[part]))
    return list(dict.fromkeys(causes))


def _plain_change(path: str, before: Any, after: Any) -> Iterator[str]:
    yield f"{path}: {_show(before)} -> {_show(after)}"


def _nested_changes(path: str, before: Any, after: Any) -> Iterator[str]:
    """Descend into what is a mapping, or a list of the same length, on both sides."""
    if before == after and type(before) is type(after):
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted({*before, *after}):
            yield from _nested_changes(f"{path}.{key}", before.get(key, _MISSING), after.get(key, _MISSING))
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (one, other) in enumerate(zip(before, after, strict=True)):
            yield from _nested_changes(f"{path}[{index}]", one, other)
    else:
        yield from _plain_change(path, before, after)


def _flat_changes(prefix: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted({*before, *after}):
        one, other = before.get(name), after.get(name)
        if one != other:
            yield f"{prefix}{name}: {one or 'none'} -> {other or 'none'}"


def _source_parts(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(after):
        if before.get(name) != after[name]:
            yield f"edgebuild's own {name}: changed"


def _input_changes(
    before: Mapping[str, str], after: Mapping[str, str], why_input: Callable[[str], str | None]
) -> Iterator[str]:
    for role in sorted({*before, *after}):
        if role not in before:
            yield f"input {role}: new"
        elif role not in after:
            yield f"input {role}: no longer read"
        elif before[role] != after[role]:
            reason = why_input(role)
            yield f"input {role}: changed" + (f" because {reason}" if reason else "")


def _code_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for reference in sorted({*before, *after}):
        if reference not in before:
            yield f"code {reference}: new"
        elif reference not in after:
            yield f"code {reference}: no longer used"
        else:
            yield from _source_changes(before[reference], after[reference])


def _source_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for file in sorted({*before["files"], *after["files"]}):
        one, other = before["files"].get(file), after["files"].get(file)
        if one == other:
            continue
        importer = (after if other else before)["imported_by"].get(file)
        via = f" (imported by {importer})" if importer else ""
        state = "no longer imported" if other is None else "newly imported" if one is None else "changed"
        yield f"code {file}{via}: {state}"
    for package in sorted({*before["packages"], *after["packages"]}):
        one, other = before["packages"].get(package), after["packages"].get(package)
        if one != other:
            yield f"package {package}: {one or 'not imported'} -> {other or 'not imported'}"


def _file_changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for role in sorted({*before, *after}):
        one: Any = before.get(role)
        other: Any = after.get(role)
        if one is None:
            yield f"file {other['name']}: new"
        elif other is None:
            yield f"file {one['name']}: no longer used"
        elif one["name"] != other["name"]:
            yield f"file of {role}: {one['name']} -> {other['name']}"
        elif one != other:
            yield f"file {other['name']}: changed"


def _show(value: Any) -> str:
    if value is _MISSING:
        return "none"
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
