"""What a YAML syntax error means, in words that say what to change."""

from __future__ import annotations

import yaml

from edgebuild.config.located import Spot

_MEANINGS = (
    (
        "mapping values are not allowed here",
        "a ':' where none can stand: put the text in quotes, or mend the indentation",
    ),
    ("expected <block end>", "the indentation does not match the lines above"),
    ("expected ',' or ']'", "a ',' or the closing ']' is missing"),
    ("expected ',' or '}'", "a ',' or the closing '}' is missing"),
    ("found unexpected end of stream", "a quote is opened and never closed"),
    ("could not find expected ':'", "a ':' after the key is missing"),
    ("found another document", "a second document begins (---); expected one"),
    ("found undefined alias", "an alias (*name) refers to an anchor (&name) that does not exist"),
    ("found duplicate anchor", "an anchor (&name) is defined twice"),
    ("found unknown escape character", "an unknown escape (\\) in a double-quoted text: use single quotes"),
    ("did not find expected", "a value, a ',' or a closing bracket is missing"),
    ("expected the node content", "a value is missing"),
    ("block sequence entries are not allowed", "a '-' where no list can begin: put the list on lines of its own"),
    ("special characters are not allowed", "a control character, which YAML does not allow"),
)
"""What PyYAML says (part of it) -> what that means to a user."""


def explain_syntax_error(error: yaml.YAMLError, line: str) -> str:
    """One sentence; `line` is the text of the line the error points at."""
    said = str(getattr(error, "problem", "") or getattr(error, "reason", "") or error)
    if "\\t" in said or ("cannot start any token" in said and "\t" in line):
        return "not valid YAML: a tab where only spaces may stand"
    if "cannot start any token" in said:
        return f"not valid YAML: {said.removeprefix('found ')}; put the text in quotes"
    for part, meaning in _MEANINGS:
        if part in said:
            return f"not valid YAML: {meaning}"
    return f"not valid YAML: {said}"


def place_of_syntax_error(error: yaml.YAMLError, text: str) -> Spot:
    """Where the error is; for an unclosed quote or bracket, where it was opened."""
    mark = getattr(error, "problem_mark", None)
    opened = getattr(error, "context_mark", None)
    said = str(getattr(error, "problem", ""))
    if opened is not None and ("end of stream" in said or "expected ','" in said):
        mark = opened
    if mark is not None:
        return Spot(mark.line + 1, mark.column + 1)
    position = getattr(error, "position", 0)
    before = text[:position]
    return Spot(before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1)
