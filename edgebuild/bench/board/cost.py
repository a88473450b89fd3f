"""What inferences of a file cost on a board, whether they were counted there or timed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from edgebuild.bench.board.run import BoardRun
from edgebuild.check.finding import Finding
from edgebuild.figure import Figure


@dataclass(frozen=True)
class Cost:
    """What was found out.

    Attributes:
        processes: what each process did, in order.
        figures: what an inference costs.
        findings: what is wrong or doubtful.
        conditions: how it was measured, and what the board said meanwhile, as plain JSON values.
        slowed: why the times of each process are those of a device that was slowed down; empty for one that was not.
        set_aside: processes that were run again because of that, as plain JSON values.
        profile: what a time was estimated from, or the time of each operation where it was measured.
    """

    processes: Sequence[BoardRun]
    figures: Sequence[Figure]
    findings: Sequence[Finding]
    conditions: dict[str, Any]
    slowed: Sequence[Sequence[str]] = ()
    set_aside: Sequence[dict[str, Any]] = ()
    profile: dict[str, Any] = field(default_factory=dict)
