"""YAML is read as YAML 1.2, every value knows its place, and nothing a file holds leads to a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgebuild.config.document import parse_document, read_document
from edgebuild.config.problem import InvalidConfigError, ProblemList


def parse(text: str) -> object:
    problems = ProblemList()
    document = parse_document(text, "f.yaml", problems)
    problems.raise_if_any()
    assert document is not None
    return document.plain()


def message(text: str) -> str:
    with pytest.raises(InvalidConfigError) as raised:
        parse(text)
    return str(raised.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("-2.5E+3", -2500.0),
        (".5", 0.5),
        ("10", 10),
        ("010", 10),
        ("true", True),
        ("False", False),
        ("~", None),
        ("", None),
        ("yes", "yes"),
        ("off", "off"),
        ("1:30", "1:30"),
        ("2026-01-02", "2026-01-02"),
        ("1.5.1", "1.5.1"),
        ("'10'", "10"),
        ('"a\\tb"', "a\tb"),
    ],
)
def test_scalars(text: str, value: object) -> None:
    found = parse(f"key: {text}\n")
    assert found == {"key": value}
    assert type(found["key"]) is type(value)  # type: ignore[index]


def test_places_count_from_one_and_survive_aliases() -> None:
    problems = ProblemList()
    document = parse_document("a: &x\n  b: 1\nc: *x\n", "f.yaml", problems)
    assert document is not None
    inner = document.child("a").child("b")  # type: ignore[union-attr]
    assert (inner.key_spot.line, inner.key_spot.column) == (2, 3)  # type: ignore[union-attr]
    assert (inner.value_spot.line, inner.value_spot.column) == (2, 6)  # type: ignore[union-attr]
    assert document.plain() == {"a": {"b": 1}, "c": {"b": 1}}


def test_all_duplicate_keys_are_told_at_once() -> None:
    told = message("a: 1\nb: {c: 1, c: 2}\na: 2\n")
    assert "f.yaml:2:11: b.c: duplicate key; it stands already in line 2" in told
    assert "f.yaml:3:1: a: duplicate key; it stands already in line 1" in told


def test_an_alias_inside_itself_is_told() -> None:
    assert "f.yaml:1:4: a.b: an alias (*name) stands inside the value it refers to" in message("a: &x {b: *x}\n")


@pytest.mark.parametrize("text", ["a: !!python/object:os.system {}\n", "a: !own 3\n", "a: !!int ten\n"])
def test_tags_run_nothing(text: str) -> None:
    problems = ProblemList()
    document = parse_document(text, "f.yaml", problems)
    assert document is None or document.child("a").value in (None, {})  # type: ignore[union-attr]


def test_very_deep_nesting_is_an_error_not_a_crash() -> None:
    assert "nested too deeply" in message("a: " + "[" * 5000 + "]" * 5000)


def test_control_characters_and_second_documents_are_told() -> None:
    assert "f.yaml:2:4: not valid YAML: a control character" in message("a: 1\nb: \x07\n")
    assert "a second document begins" in message("a: 1\n---\nb: 2\n")


def test_a_caret_stands_below_the_value_after_tabs_too() -> None:
    told = message("a: {'x\ty': 1, b: 1, b: 2}\n").splitlines()
    assert told[1].expandtabs().rindex("b: 2") == told[2].expandtabs().index("^")


def test_windows_line_ends_and_a_byte_order_mark_are_fine(tmp_path: Path) -> None:
    file = tmp_path / "f.yaml"
    file.write_bytes(b"\xef\xbb\xbfa: 1\r\nb:\r\n  c: x\r\n")
    problems = ProblemList()
    document = read_document(file, problems)
    assert document is not None
    assert document.plain() == {"a": 1, "b": {"c": "x"}}
    assert not len(problems)


def test_a_folder_in_place_of_a_file_is_told(tmp_path: Path) -> None:
    problems = ProblemList()
    assert read_document(tmp_path, problems, "there.yaml") is None
    with pytest.raises(InvalidConfigError, match=r"^there\.yaml: cannot be read: Is a directory$"):
        problems.raise_if_any()
