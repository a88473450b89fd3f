"""A problem in a configuration file, and all problems of a project in one error."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from edgebuild.errors import ConfigError


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong at one place of one file.

    Attributes:
        path: the file as the user would type it.
        line, column: from 1; 0 where the problem has no place in the file (it cannot be read).
        key: dotted path of the key (`export.dtype`); empty for the whole file.
        message: found and expected in plain words.
        source_line: the text of that line; empty where there is none.
    """

    path: str
    line: int
    column: int
    key: str
    message: str
    source_line: str = ""

    def __str__(self) -> str:
        """`path:line:col: key: message`, and below it the source line with a caret."""
        place = f"{self.path}:{self.line}:{self.column}" if self.line else self.path
        text = f"{place}: {self.key}: {self.message}" if self.key else f"{place}: {self.message}"
        if not self.source_line.strip():
            return text
        shown = self.source_line.lstrip(" \t")
        cut = len(self.source_line) - len(shown)
        before = shown[: max(self.column - 1 - cut, 0)]
        caret = "".join("\t" if character == "\t" else " " for character in before) + "^"
        return f"{text}\n    {shown.rstrip()}\n    {caret}"

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


class InvalidConfigError(ConfigError):
    """Everything that is wrong with a project, its targets and its devices.

    Attributes:
        problems: in the order of files and lines, each once.
    """

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = problems

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, every problem on its own."""
        return {**super().to_json(), "problems": [problem.to_json() for problem in self.problems]}


class ProblemList:
    """Collects problems, so that a user sees all of them in one pass."""

    def __init__(self) -> None:
        self._problems: list[Problem] = []

    def add(self, problem: Problem) -> None:
        """Keep `problem`, unless the same one is there: two targets may inherit from one broken file."""
        if problem not in self._problems:
            self._problems.append(problem)

    def __len__(self) -> int:
        return len(self._problems)

    def raise_if_any(self) -> None:
        """Raise all problems as one error, sorted by file (in the order they were read) and place.

        Raises:
            InvalidConfigError: there is at least one.
        """
        if not self._problems:
            return
        files = list(dict.fromkeys(problem.path for problem in self._problems))
        ordered = sorted(self._problems, key=lambda problem: (files.index(problem.path), problem.line, problem.column))
        raise InvalidConfigError(tuple(ordered))
