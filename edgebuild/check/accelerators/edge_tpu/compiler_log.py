"""What `edgetpu_compiler` prints: sizes, memory, and where each kind of operation runs."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

from edgebuild.errors import ToolError

MAPPED = "Mapped to Edge TPU"
_UNITS = {"B": 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}
_VERSION = re.compile(r"^Edge TPU Compiler version (\S+)", re.MULTILINE)
_HEADER = re.compile(r"^Operator\s+Count\s+Status\s*$", re.MULTILINE)
_ROW = re.compile(r"^(\S+)\s+(\d+)\s+(\S.*?)\s*$", re.MULTILINE)
_FACTS = {
    "on_chip": "On-chip memory used for caching model parameters",
    "remaining": "On-chip memory remaining for caching model parameters",
    "streamed": "Off-chip memory used for streaming uncached model parameters",
}
_TROUBLE = re.compile(r"^(?:ERROR: .+|Internal compiler error.*|Compilation failed.*|Invalid model.*)$", re.MULTILINE)


@dataclass(frozen=True)
class OperatorStatus:
    """One row of the operation log: so many operations of a kind, and what became of them."""

    name: str
    count: int
    status: str

    @property
    def mapped(self) -> bool:
        """Whether they run on the Edge TPU."""
        return self.status == MAPPED


@dataclass(frozen=True)
class CompilerLog:
    """What one run of the compiler said.

    Attributes:
        version: of the compiler.
        on_chip, remaining, streamed: bytes; the compiler prints them to two digits.
        subgraphs: parts that run on the Edge TPU.
        operators: the operation log, in its order.
    """

    version: str
    on_chip: int
    remaining: int
    streamed: int
    subgraphs: int
    operators: tuple[OperatorStatus, ...]

    @property
    def left(self) -> tuple[OperatorStatus, ...]:
        """What stays on the CPU."""
        return tuple(row for row in self.operators if not row.mapped)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


def parse_log(text: str, ended: str = "") -> CompilerLog:
    """Read what the compiler printed, with `-s` (the operation log at its end).

    Args:
        text: that it printed.
        ended: how it came to its end where that was not as it should, for the message.

    Raises:
        ToolError: it failed, in its own words, or this is no output of a compiler that we know.
    """
    version = _VERSION.search(text)
    header = _HEADER.search(text)
    if version is None or header is None or "compiled successfully" not in text:
        trouble = _TROUBLE.search(text)
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        said = trouble.group() if trouble else lines[-1] if lines else "nothing"
        how = f": it {ended}" if ended else ""
        msg = f"edgetpu_compiler did not compile the file{how}; it said: {said}"
        raise ToolError(msg, remedy="edgebuild inspect FILE --target edge-tpu says what the file lacks")
    rows = _ROW.findall(text, header.end())
    return CompilerLog(
        version.group(1),
        **{name: _bytes(text, words) for name, words in _FACTS.items()},
        subgraphs=_number(text, "Number of Edge TPU subgraphs"),
        operators=tuple(OperatorStatus(name, int(count), status) for name, count, status in rows),
    )


def _bytes(text: str, words: str) -> int:
    found = re.search(rf"^{re.escape(words)}:\s*([\d.]+)\s*(B|KiB|MiB|GiB)\s*$", text, re.MULTILINE)
    if found is None:
        raise _unknown(words)
    return round(float(found.group(1)) * _UNITS[found.group(2)])


def _number(text: str, words: str) -> int:
    found = re.search(rf"^{re.escape(words)}:\s*(\d+)\s*$", text, re.MULTILINE)
    if found is None:
        raise _unknown(words)
    return int(found.group(1))


def _unknown(words: str) -> ToolError:
    msg = f"edgetpu_compiler's output has no line {words!r}, expected that of version 16"
    return ToolError(msg, remedy="use edgetpu_compiler 16, or take it off PATH for the offline check")
