"""Constant C structs from Python mappings."""

from __future__ import annotations

from collections.abc import Mapping


def initializer(struct: str, name: str, members: Mapping[str, object]) -> str:
    """A `static const` definition inside a function; nested mappings are nested structs."""
    return f"static const struct {struct} {name} = {_braces(members)};"


def _braces(members: Mapping[str, object]) -> str:
    written = []
    for member, value in members.items():
        text = _braces(value) if isinstance(value, Mapping) else str(value)
        written.append(f".{member} = {text}")
    return f"{{{', '.join(written)}}}"
