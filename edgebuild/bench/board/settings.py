"""How a file is measured on a device that is not emulated."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class BoardSettings:
    """How to measure on a device that is not emulated.

    Attributes:
        runs: inferences per process, warm-up included; at least 20.
        processes: separate processes; at least 2.
        seed: of the bootstrap.
        operations: time each operation too, in one more process.
    """

    runs: int = 200
    processes: int = 3
    seed: int = 0
    operations: bool = True
