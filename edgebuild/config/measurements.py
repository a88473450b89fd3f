"""Reading a table of measured times: `model,dtype,threads,ms`, every problem with its line and column."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgebuild.config.document import file_label
from edgebuild.config.problem import Problem, ProblemList
from edgebuild.config.wording import unknown_name

COLUMNS = ("model", "dtype", "threads", "ms")
_FIELD = re.compile(r'\s*(?:"(?P<quoted>(?:[^"]|"")*)"\s*|(?P<plain>[^,]*))(?:,|$)')


@dataclass(frozen=True)
class Cell:
    """One value and the column, from 1, where it begins."""

    text: str
    column: int


@dataclass(frozen=True)
class Measurement:
    """One line: a file or the name of a built target, its dtype, threads, and the ms of an inference.

    Attributes:
        line: in the file, from 1.
        source_line: its text.
        columns: name of a column -> where its value begins, from 1.
    """

    model: str
    dtype: str
    threads: int
    milliseconds: float
    line: int
    source_line: str
    columns: dict[str, int]


def read_measurements(file: Path, dtypes: Sequence[str], problems: ProblemList) -> list[Measurement]:
    """The lines of `file`, without wrong ones; empty lines and those that begin with # are comments.

    Args:
        file: UTF-8 text; its first line names the columns, in any order.
        dtypes: those that there are.
        problems: gets everything that is wrong.
    """
    label = file_label(file)
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        problems.add(Problem(label, 0, 0, "", f"cannot be read: {error.strerror}"))
        return []
    except UnicodeDecodeError as error:
        problems.add(Problem(label, 0, 0, "", f"is not UTF-8 text: {error.reason} at byte {error.start}"))
        return []
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip() and line[0] != "#"]
    if not lines:
        problems.add(Problem(label, 1, 1, "", f"is empty; expected the columns {','.join(COLUMNS)}"))
        return []
    names = _header(label, *lines[0], problems)
    if names is None:
        return []
    read = (_measurement(label, number, line, names, dtypes, problems) for number, line in lines[1:])
    found = [one for one in read if one is not None]
    if not lines[1:]:
        problems.add(Problem(label, lines[0][0], 1, "", "has no line but the names of its columns", lines[0][1]))
    return found


def cells_of(line: str) -> Iterator[Cell]:
    """The values of a line, quotes undone."""
    position = 0
    while position <= len(line):
        match = _FIELD.match(line, position)
        assert match is not None, "the empty field always fits"
        quoted = match["quoted"]
        raw = match["plain"] if quoted is None else quoted.replace('""', '"')
        start = match.start("plain") if quoted is None else match.start("quoted")
        yield Cell(raw.strip(), start + 1)
        if match.end() == position or not line[position : match.end()].endswith(","):
            return
        position = match.end()


def _header(label: str, number: int, line: str, problems: ProblemList) -> list[str] | None:
    cells = list(cells_of(line))
    before = len(problems)
    seen: set[str] = set()
    for cell in cells:
        if cell.text not in COLUMNS:
            message = unknown_name("column", cell.text, COLUMNS)
            problems.add(Problem(label, number, cell.column, "", message, line))
        elif cell.text in seen:
            problems.add(Problem(label, number, cell.column, cell.text, "is there twice", line))
        seen.add(cell.text)
    missing = [name for name in COLUMNS if name not in seen]
    if missing and len(problems) == before:
        message = f"has no column {', '.join(missing)}; expected {','.join(COLUMNS)}"
        problems.add(Problem(label, number, 1, "", message, line))
    return [cell.text for cell in cells] if len(problems) == before else None


def _measurement(
    label: str, number: int, line: str, names: Sequence[str], dtypes: Sequence[str], problems: ProblemList
) -> Measurement | None:
    cells = list(cells_of(line))
    if len(cells) != len(names):
        message = f"has {len(cells)} values, expected {len(names)}: {','.join(names)}"
        problems.add(Problem(label, number, cells[-1].column, "", message, line))
        return None
    found = dict(zip(names, cells, strict=True))
    before = len(problems)

    def wrong(name: str, message: str) -> None:
        problems.add(Problem(label, number, found[name].column, name, message, line))

    if not found["model"].text:
        wrong("model", "is empty; expected a .tflite or .pte file, or the name of a built target")
    if found["dtype"].text not in dtypes:
        wrong("dtype", unknown_name("dtype", found["dtype"].text, sorted(dtypes)))
    threads, milliseconds = found["threads"].text, _number(found["ms"].text)
    if not threads.isdecimal() or int(threads) < 1:
        wrong("threads", f"expected a whole number of at least 1, found {threads!r}")
    if milliseconds is None or not 0 < milliseconds < math.inf:
        wrong("ms", f"expected the ms of an inference, above 0, found {found['ms'].text!r}")
    if len(problems) > before:
        return None
    assert milliseconds is not None, "it was looked at above"
    columns = {name: cell.column for name, cell in found.items()}
    return Measurement(found["model"].text, found["dtype"].text, int(threads), milliseconds, number, line, columns)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
