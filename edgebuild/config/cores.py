"""Cores of a device as a user names them: `big`, `little`, `middle`, or numbers like `0,1` and `4-7`."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from edgebuild.config.wording import BadValueError

GROUPS = ("little", "middle", "big")
"""From the slowest to the fastest."""
_PART = re.compile(r"(\d{1,4})(?:-(\d{1,4}))?")
_PATTERN = r"^(little|middle|big|\d{1,4}(-\d{1,4})?(,\d{1,4}(-\d{1,4})?)*)$"


def parse_cores(text: str) -> tuple[int, ...]:
    """The numbers of `0,1` or `4-7`, each once, in order.

    Raises:
        BadValueError: it is no such list.
    """
    found: set[int] = set()
    for part in text.split(","):
        match = _PART.fullmatch(part.strip())
        first, last = (int(match[1]), int(match[2] or match[1])) if match is not None else (1, 0)
        if first > last:
            msg = f"expected cores: one of {', '.join(GROUPS)}, or numbers like '0,1' or '4-7'"
            raise BadValueError(msg, tell_found=True)
        found.update(range(first, last + 1))
    return tuple(sorted(found))


def show_cores(cores: tuple[int, ...]) -> str:
    """`4-7` of 4, 5, 6, 7; as short as can be."""
    runs: list[list[int]] = []
    for core in sorted(cores):
        if runs and core == runs[-1][-1] + 1:
            runs[-1].append(core)
        else:
            runs.append([core])
    return ",".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


def check_cores(value: Any) -> str:
    """The text of a list of cores; YAML takes one core for a number.

    Raises:
        BadValueError: it is neither a list nor the name of a group.
    """
    text = str(value).strip()
    if text not in GROUPS:
        parse_cores(text)
    return text


Cores = Annotated[
    str, BeforeValidator(check_cores), WithJsonSchema({"type": "string", "pattern": _PATTERN, "title": "cores"})
]
"""Written `big`, `little`, `middle`, `0,1` or `4-7`; that text in code."""
