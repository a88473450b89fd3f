"""Reading a YAML file into values that know their line and column.

The scalars are those of YAML 1.2: `1e-3` is a number, `yes` and `off` are text, `1:30` is text.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import yaml

from edgebuild.config.located import KeyPath, Located, Source, Spot
from edgebuild.config.problem import Problem, ProblemList
from edgebuild.config.syntax import explain_syntax_error, place_of_syntax_error

_TAG = "tag:yaml.org,2002:"


class _Resolver(yaml.resolver.BaseResolver):
    """Which plain scalars are not text."""


_Resolver.add_implicit_resolver(f"{_TAG}bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF"))
_Resolver.add_implicit_resolver(f"{_TAG}null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""])
_Resolver.add_implicit_resolver(f"{_TAG}int", re.compile(r"^[-+]?[0-9]+$"), list("-+0123456789"))
_Resolver.add_implicit_resolver(
    f"{_TAG}float",
    re.compile(r"^[-+]?(?:(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?|\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"),
    list("-+.0123456789"),
)


class _Composer(yaml.reader.Reader, yaml.scanner.Scanner, yaml.parser.Parser, yaml.composer.Composer, _Resolver):
    """Text -> nodes with marks, without making Python objects of them."""

    def __init__(self, text: str) -> None:
        yaml.reader.Reader.__init__(self, text)
        yaml.scanner.Scanner.__init__(self)
        yaml.parser.Parser.__init__(self)
        yaml.composer.Composer.__init__(self)
        _Resolver.__init__(self)


def file_label(path: Path) -> str:
    """The path as a user would type it: relative where it lies below the working directory."""
    normal = Path(os.path.normpath(path))
    here = Path.cwd()
    if normal.is_absolute() and normal.is_relative_to(here):
        return normal.relative_to(here).as_posix()
    return normal.as_posix()


def read_document(path: Path, problems: ProblemList, label: str | None = None) -> Located | None:
    """Read one YAML file that must hold a mapping.

    Args:
        path: the file.
        problems: gets everything that is wrong with it.
        label: what messages call the file; default: the path as a user would type it.

    Returns:
        The mapping; None where the file cannot be read, is not YAML, or is not a mapping.
    """
    name = file_label(path) if label is None else label
    try:
        content = path.read_bytes()
    except OSError as error:
        problems.add(Problem(name, 0, 0, "", f"cannot be read: {error.strerror}"))
        return None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        column = error.start - content.rfind(b"\n", 0, error.start)
        message = f"is not UTF-8 text: found byte 0x{content[error.start]:02x}"
        problems.add(Problem(name, line, column, "", message))
        return None
    return parse_document(text, name, problems)


def parse_document(text: str, label: str, problems: ProblemList) -> Located | None:
    """Like `read_document`, for text that is not in a file yet."""
    source = Source(label, tuple(text.splitlines()))
    try:
        node = _Composer(text).get_single_node()
    except yaml.YAMLError as error:
        spot = place_of_syntax_error(error, text)
        line = source.lines[spot.line - 1] if spot.line <= len(source.lines) else ""
        problems.add(Problem(label, spot.line, spot.column, "", explain_syntax_error(error, line), line))
        return None
    except RecursionError:
        problems.add(Problem(label, 0, 0, "", "is nested too deeply to be read"))
        return None
    if node is None:
        problems.add(Problem(label, 1, 1, "", "is empty; expected a mapping (key: value)"))
        return None
    top = _Builder(source, problems).build(node, (), _spot(node), ())
    if not isinstance(top.value, dict):
        problems.add(top.problem(f"expected a mapping (key: value), found {describe_value(top)}"))
        return None
    return top


def describe_value(located: Located) -> str:
    """The value for a message: `'ten'`, `1.5`, `a list`, `a mapping`, `nothing`."""
    value = located.value
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "nothing"
    return repr(value) if isinstance(value, str) else str(located.raw if located.raw is not None else value)


def _spot(node: Any) -> Spot:
    return Spot(node.start_mark.line + 1, node.start_mark.column + 1)


class _Builder:
    """Turns YAML nodes into Located values."""

    def __init__(self, source: Source, problems: ProblemList) -> None:
        self._source = source
        self._problems = problems

    def build(self, node: Any, path: KeyPath, key_spot: Spot, above: tuple[int, ...]) -> Located:
        """`above` holds the identities of the nodes around this one: an alias may not contain itself."""

        def at(value: Any, raw: str | None = None) -> Located:
            return Located(value, self._source, path, key_spot, _spot(node), raw)

        if id(node) in above:
            self._problems.add(at(None).problem("an alias (*name) stands inside the value it refers to"))
            return at(None)
        inside = (*above, id(node))
        if isinstance(node, yaml.MappingNode):
            return at(self._mapping(node, path, inside))
        if isinstance(node, yaml.SequenceNode):
            items = enumerate(node.value)
            return at([self.build(item, (*path, index), _spot(item), inside) for index, item in items])
        return self._scalar(node, at)

    def _mapping(self, node: Any, path: KeyPath, above: tuple[int, ...]) -> dict[str, Located]:
        result: dict[str, Located] = {}
        for key_node, value_node in node.value:
            spot = _spot(key_node)
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if key is None or key_node.tag not in (f"{_TAG}str", "!"):
                here = Located(None, self._source, path, spot, spot)
                found = "a list or a mapping" if key is None else (key or "nothing")
                self._problems.add(here.problem(f"a key must be text, found {found}"))
                continue
            value = self.build(value_node, (*path, key), spot, above)
            if key in result:
                first = result[key].key_spot.line
                self._problems.add(value.problem(f"duplicate key; it stands already in line {first}", at_key=True))
                continue
            result[key] = value
        return result

    def _scalar(self, node: Any, at: Any) -> Located:
        kind = node.tag.removeprefix(_TAG)
        raw = node.value
        if kind in ("str", "!"):
            return at(raw, raw)  # type: ignore[no-any-return]
        try:
            return at(_CONSTRUCTORS[kind](raw), raw)  # type: ignore[no-any-return]
        except (KeyError, ValueError):
            located: Located = at(None, raw)
            self._problems.add(located.problem(f"the YAML tag {node.tag} is not supported here"))
            return located


def _to_float(raw: str) -> float:
    special = raw.lower().replace(".inf", "inf").replace(".nan", "nan")
    return float(special)


_CONSTRUCTORS: dict[str, Any] = {
    "bool": lambda raw: raw.lower() == "true",
    "null": lambda _raw: None,
    "int": int,
    "float": _to_float,
}
