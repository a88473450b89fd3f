"""Processes of files on a real board, one after the other: cooled before, and run again where it was slowed down."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from edgebuild.bench.board.cooling import Cooling
from edgebuild.bench.board.on_board import FileOnBoard
from edgebuild.bench.board.run import BoardRun
from edgebuild.bench.board.settings import BoardSettings
from edgebuild.bench.board.state import State, slowed_down, state_findings
from edgebuild.bench.statistics import Interval
from edgebuild.check.finding import Finding
from edgebuild.progress import ProgressSink

FEWEST_TO_STOP = 5
"""Processes of a file after which an interval may be narrow enough: two or three may be alike by chance."""


@dataclass(frozen=True)
class Process:
    """One process of a file on a board.

    Attributes:
        number: in the order in which processes ran, of all files, from 0.
        run: what it did.
        before: what the board said of itself then.
        after: the same.
    """

    number: int
    run: BoardRun
    before: State
    after: State

    @property
    def slowed(self) -> tuple[str, ...]:
        """Why its times are those of a device that was slowed down; empty where they are not."""
        return tuple(slowed_down(self.before, self.after))

    def to_json(self) -> dict[str, Any]:
        """Its times, warm-up included, and what is wrong with them, as plain JSON values."""
        return {"number": self.number, "milliseconds": list(self.run.milliseconds), "slowed": list(self.slowed)}


@dataclass(frozen=True)
class Aim:
    """The interval that was asked for, and what came of it.

    Attributes:
        precision: its width as a share of the estimate, as it was asked for.
        time_limit: s, after which nothing more was to be begun.
        width: as `precision`, as it is.
        seconds: that it took.
    """

    precision: float
    time_limit: float
    width: float
    seconds: float

    def findings(self, processes: int) -> list[Finding]:
        """A note where it was missed."""
        if self.width <= self.precision:
            return []
        message = (
            f"the interval is {self.width:.2%} wide after {processes} processes and {self.seconds:.0f} s, "
            f"{self.precision:.2%} was asked for: allow it more time (--time-limit), or a quieter device"
        )
        return [Finding("interval-too-wide", message, severity="note")]


class Turns:
    """Rounds in which each file has one process, every other round in the opposite order: A B, B A, A B and so on.

    What changes steadily, like heat, so weighs on all files alike. A process during which the device was slowed down is
    set aside and run again, as often in all as the device file allows. The board is not asked while a process runs:
    that would take time from what is measured.

    Attributes:
        boards: the files, on one board.
        states: what the board said before the first process, and after each.
        kept: processes of each file, one a round.
        set_aside: processes of each file that were run again.
        aim: the interval that was asked for; None where none was.
    """

    def __init__(self, boards: Sequence[FileOnBoard], told: State, runs: int, progress: ProgressSink) -> None:
        device = boards[0].device
        self.boards = boards
        self.states = [told]
        self.kept: list[list[Process]] = [[] for _ in boards]
        self.set_aside: list[list[Process]] = [[] for _ in boards]
        self.aim: Aim | None = None
        self._runs = runs
        self._progress = progress
        self._retries = device.bench.retries
        self._cooling = Cooling(boards[0].transport, device, progress)

    @property
    def rounds(self) -> int:
        """How many there were."""
        return len(self.kept[-1])

    def round(self, share: float, words: str) -> None:
        """Run one process of each file; `share` of the benchmark is done, and `words` say what this round is.

        Raises:
            DeviceError: the board is gone, or its runtime failed.
        """
        order = list(range(len(self.boards)))
        for index in order if self.rounds % 2 == 0 else order[::-1]:
            process = self._process(index, share, words)
            while process.slowed and self._retries > 0:
                self._retries -= 1
                self.set_aside[index].append(process)
                process = self._process(index, share, f"{words} again, the device was slowed down")
            self.kept[index].append(process)

    def _process(self, index: int, share: float, words: str) -> Process:
        before = self._cooling.wait(self.states[-1], share)
        self._progress.update(share, f"{self.boards[index].device.name}: {words}")
        run = self.boards[index].run(self._runs)
        after = self.boards[index].transport.properties()
        self.states.append(after)
        return Process(len(self.states) - 2, run, before, after)

    def conditions(self) -> dict[str, Any]:
        """What the board said, how long it cooled, and where the files ran, as plain JSON values."""
        placement = self.boards[0].placement
        return {
            "during": self.states[1:-1],
            "after": self.states[-1],
            "cooled_seconds": round(self._cooling.seconds, 1),
            "runs": self._runs,
            "processes": self.rounds,
            "threads": placement.threads,
            "cores": list(placement.cores),
            "aim": None if self.aim is None else asdict(self.aim),
        }

    def findings(self) -> list[Finding]:
        """What is doubtful about the device; fatal where it could not be had at its full speed."""
        kept = [process for processes in self.kept for process in processes]
        states = [state for process in kept for state in (process.before, process.after)]
        found = [*state_findings(states, self.boards[0].device.bench.slows_at), *self._cooling.findings()]
        found += [] if self.aim is None else self.aim.findings(self.rounds)
        slowed = [process for process in kept if process.slowed]
        if slowed:
            message = f"the device was throttled meanwhile: {_reasons(slowed)}"
            found.append(Finding("device-throttled", message))
        repeated = [process for processes in self.set_aside for process in processes]
        if repeated:
            message = (
                f"{_count(len(repeated))} run again because the device was slowed down ({_reasons(repeated)}); "
                "the times are in the record, under `set_aside`"
            )
            found.append(Finding("device-throttled-before", message, severity="note"))
        return found


def _reasons(processes: Sequence[Process]) -> str:
    return "; ".join(dict.fromkeys(reason for process in processes for reason in process.slowed))


def _count(number: int) -> str:
    return "1 process was" if number == 1 else f"{number} processes were"


def take_turns(
    boards: Sequence[FileOnBoard],
    told: State,
    settings: BoardSettings,
    interval: Callable[[Sequence[Sequence[Process]]], Interval],
    progress: ProgressSink,
) -> Turns:
    """As many rounds as the settings ask for, and more until the interval is as narrow as wanted or time is over.

    Args:
        boards: the files, on one open board.
        told: what the board said of itself before.
        settings: how often.
        interval: of what is to be known, from the processes of each file.
        progress: where to report.

    Raises:
        DeviceError: the board is gone, or its runtime failed.
    """
    turns = Turns(boards, told, settings.runs, progress)
    begun = time.monotonic()
    for number in range(settings.processes):
        turns.round(number / settings.processes, f"process {number + 1} of {settings.processes}")
    if settings.precision is None:
        return turns
    while (width := interval(turns.kept).width) > settings.precision or turns.rounds < FEWEST_TO_STOP:
        seconds = time.monotonic() - begun
        if seconds >= settings.time_limit:
            break
        words = f"process {turns.rounds + 1}, the interval is {width:.2%} wide, {settings.precision:.2%} is asked for"
        for _ in boards:  # as many rounds as there are files keep the order balanced
            turns.round(min(1.0, seconds / settings.time_limit), words)
    turns.aim = Aim(settings.precision, settings.time_limit, width, time.monotonic() - begun)
    return turns
