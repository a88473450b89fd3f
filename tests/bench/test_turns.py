"""Rounds of processes on a board: their order, and how many there are for a wanted interval. Times are made up."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from edgebuild.bench.board.on_board import FileOnBoard
from edgebuild.bench.board.run import BoardRun
from edgebuild.bench.board.settings import BoardSettings
from edgebuild.bench.board.timed import cost_of, steady_runs, time_processes
from edgebuild.bench.board.turns import Process, take_turns
from edgebuild.bench.statistics import Interval, median_interval
from edgebuild.config.device import Bench, Device
from edgebuild.config.registries import TRANSPORTS
from edgebuild.device.qemu_profile import BlockProfile
from edgebuild.device.transport import Transport
from edgebuild.errors import ToolError
from edgebuild.progress import Silent
from edgebuild.runtime.session import ProfileReport


@dataclass
class Diary:
    """Which file ran when, and how much one process differs from the next."""

    between: float = 0.0
    ran: list[str] = field(default_factory=list)


class MadeUp(FileOnBoard):
    """A file that takes a millisecond, more or less."""

    runtime = "none"

    def __init__(self, transport: Transport, name: str, diary: Diary, device: Device) -> None:
        self._diary = diary
        super().__init__(transport, device, Path(name), {"x": np.zeros((1, 1))})

    def run(self, runs: int, samples: int | None = None) -> BoardRun:
        chance = np.random.default_rng(len(self._diary.ran))
        self._diary.ran.append(self.file.name)
        times = 1 + self._diary.between * chance.normal() + 0.01 * chance.random(runs)
        return BoardRun({}, tuple(times.tolist()), (), 1.0, 1000, "")

    def operations(self, runs: int) -> ProfileReport:
        msg = "it has none"
        raise ToolError(msg)

    def profile(self) -> BlockProfile:
        raise NotImplementedError

    def _push(self, scratch: Path) -> None:
        """Nothing is needed."""


@pytest.fixture
def host() -> Iterator[Transport]:
    kind = TRANSPORTS.get("local")
    transport: Transport = kind.open("host", kind.parameters())
    yield transport
    transport.close()


CALM = Device(name="host", transport="local", bench=Bench.model_validate({"start_below": "1000 °C"}))


def of_first(kept: list[list[Process]]) -> Interval:
    return median_interval(steady_runs(kept[0]), resamples=200)


def test_two_files_take_turns_in_an_order_that_is_balanced(host: Transport) -> None:
    diary = Diary()
    boards = [MadeUp(host, name, diary, CALM) for name in "AB"]
    turns = take_turns(boards, host.properties(), BoardSettings(20, 4), of_first, Silent())
    assert "".join(diary.ran) == "ABBAABBA"
    assert [process.number for process in turns.kept[0]] == [0, 3, 4, 7]
    assert turns.aim is None


def test_processes_are_added_until_the_interval_is_narrow_enough(host: Transport) -> None:
    diary = Diary(between=0.02)
    board = MadeUp(host, "A", diary, CALM)
    cost = time_processes(board, host.properties(), BoardSettings(30, 2, precision=0.05), Silent())
    latency = cost.figures[0]
    assert latency.value is not None
    assert latency.low is not None
    assert latency.high is not None
    assert (latency.high - latency.low) / latency.value <= 0.05
    assert 5 <= len(diary.ran) == cost.conditions["processes"] < 200
    assert cost.conditions["aim"]["width"] <= 0.05
    assert not [finding for finding in cost.findings if finding.code == "interval-too-wide"]
    assert f"30 runs in each of {len(diary.ran)} processes" in latency.provenance


def test_two_files_stay_balanced_where_processes_are_added(host: Transport) -> None:
    diary = Diary(between=0.02)
    boards = [MadeUp(host, name, diary, CALM) for name in "AB"]
    take_turns(boards, host.properties(), BoardSettings(20, 2, precision=0.03), of_first, Silent())
    order = "".join(diary.ran)
    assert len(order) >= 12, "six of each are the least that is five and balanced"
    assert order == "ABBA" * (len(order) // 4)


def test_an_interval_that_cannot_be_had_in_time_is_said(host: Transport) -> None:
    diary = Diary(between=0.02)
    settings = BoardSettings(20, 2, precision=1e-9, time_limit=0.2)
    cost = time_processes(MadeUp(host, "A", diary, CALM), host.properties(), settings, Silent())
    (note,) = (finding for finding in cost.findings if finding.code == "interval-too-wide")
    assert note.severity == "note"
    assert f"wide after {len(diary.ran)} processes and" in note.message
    assert "0.00% was asked for" in note.message
    assert cost.conditions["aim"]["seconds"] >= 0.2


def test_percentiles_need_runs_beyond_them(host: Transport) -> None:
    few, many = (
        time_processes(MadeUp(host, "A", Diary(), CALM), host.properties(), BoardSettings(runs, 3), Silent()).figures
        for runs in (20, 200)
    )
    assert [figure.name for figure in many[:3]] == ["latency", "latency_p90", "latency_p99"]
    values = [figure.value or 0 for figure in many[:3]]
    assert 1 < values[0] < values[1] < values[2] < 1.01
    assert "99% of them take no longer" in many[2].provenance
    assert few[2].missing
    assert "200 inferences are needed after warm-up" in few[2].provenance
    assert not few[1].missing


def test_an_outlier_counts(host: Transport) -> None:
    class Interrupted(MadeUp):
        def run(self, runs: int, samples: int | None = None) -> BoardRun:
            run = super().run(runs, samples)
            late = (*run.milliseconds[:-3], 50.0, 60.0, 70.0)
            return BoardRun({}, late, (), 1.0, 1000, "")

    board = Interrupted(host, "A", Diary(), CALM)
    turns = take_turns([board], host.properties(), BoardSettings(100, 3), of_first, Silent())
    p99 = cost_of(turns, 0, BoardSettings(100, 3), Silent()).figures[2]
    assert p99.value is not None
    assert p99.value > 40
