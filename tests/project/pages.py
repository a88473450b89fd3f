"""Reading the pages of docs/ as programs: the files they say to write, and the commands they say to type."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"

_FILE = re.compile(r"<!-- file: (\S+) -->\n```\w*\n(.*?)```\n", re.DOTALL)
_STEP = re.compile(r"<!-- file: (\S+) -->\n```\w*\n(.*?)```\n|```console\n(.*?)```\n", re.DOTALL)


def files_of(page: str) -> dict[str, str]:
    """Return path -> content of every file that a page says to write."""
    return dict(_FILE.findall((DOCS / page).read_text()))


def steps_of(page: str) -> list[tuple[str, str]]:
    """Return what a page says to do, in order: (path, content) of a file, or ("", command)."""
    steps: list[tuple[str, str]] = []
    for path, content, console in _STEP.findall((DOCS / page).read_text()):
        if path:
            steps.append((path, content))
        steps += [("", line.removeprefix("$ ")) for line in console.splitlines()]
    return steps
