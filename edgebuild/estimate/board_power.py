"""Power of boards as others published it: energy of an inference is what its cores draw above idle, times its time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from edgebuild.figure import Figure

FIRST_CORE = 2.0
"""A core that runs alone keeps what all share awake: it may cost up to twice its part of all four; assumed."""


@dataclass(frozen=True)
class BoardPower:
    """W of a board; lowest and highest of what was published.

    Attributes:
        idle: nothing runs.
        busy: every core computes.
        cores: how many.
        source: who measured it, where, with what load.
    """

    idle: tuple[float, float]
    busy: tuple[float, float]
    cores: int
    source: str

    def active(self, threads: int) -> tuple[float, float, float]:
        """W above idle while `threads` cores compute: lowest, middle, highest."""
        share = min(threads, self.cores) / self.cores
        low = share * (self.busy[0] - self.idle[1])
        high = share * (self.busy[1] - self.idle[0]) * (FIRST_CORE if threads < self.cores else 1.0)
        return low, (low * high) ** 0.5, high


BOARD_POWER: Mapping[str, BoardPower] = MappingProxyType(
    {
        "raspberry-pi-3": BoardPower(
            (3.1, 3.1), (5.6, 5.6), 4, "3B+ at the wall, idle and stress-ng matrix: geerlingguy/sbc-reviews#16"
        ),
        "raspberry-pi-4": BoardPower(
            (1.6, 2.3),
            (5.0, 7.2),
            4,
            "4B, idle, stress-ng matrix and HPL: geerlingguy/sbc-reviews#4, chipwired.com/raspberry-pi-power-use",
        ),
        "raspberry-pi-5": BoardPower(
            (2.4, 3.1), (8.5, 11.5), 4, "CM5 and Pi 500, idle, stress-ng and HPL: geerlingguy/sbc-reviews#58 and #60"
        ),
    }
)
"""Board, as a device file names it under `power: {board: …}` -> its power."""


def board_energy(board: str, latency: Figure, threads: int = 1) -> Figure:
    """Energy of an inference above idle, in mJ, from its time in ms; missing where the time is.

    The interval holds the published powers and that of the time. It has no confidence: nobody compared it with a meter.
    """
    power = BOARD_POWER[board]
    if latency.value is None:
        return Figure("energy", None, "mJ", "estimated", provenance="not estimated: there is no time to multiply with")
    low, middle, high = power.active(threads)
    shortest = latency.value if latency.low is None else latency.low
    longest = latency.value if latency.high is None else latency.high
    watts = f"{low:.2g} to {high:.2g} W ({power.source})"
    about = f"{board}, above idle: {watts} x {latency.kind} time; not compared with a meter"
    return Figure("energy", middle * latency.value, "mJ", "estimated", low * shortest, high * longest, None, about)
