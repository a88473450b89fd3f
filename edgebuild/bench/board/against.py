"""Two files on one device, in turns: which one is faster there, by how much, and how sure that is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgebuild.bench.board.calibrated import correct_figures
from edgebuild.bench.board.corstone import is_ethos_u
from edgebuild.bench.board.energy import meter_of
from edgebuild.bench.board.measure import BoardBench, bench_of, measure_on_device
from edgebuild.bench.board.phones import require_phone
from edgebuild.bench.board.place import place, runtime_of
from edgebuild.bench.board.reference import reference_of
from edgebuild.bench.board.settings import BoardSettings
from edgebuild.bench.board.timed import cost_of, steady_runs
from edgebuild.bench.board.turns import Process, take_turns
from edgebuild.bench.measured import measured_figure
from edgebuild.bench.statistics import Interval, ratio_interval
from edgebuild.check.finding import Finding
from edgebuild.config.device import Device
from edgebuild.device.connect import connected
from edgebuild.device.lease import Lease
from edgebuild.device.qemu_user import QEMU_USER
from edgebuild.errors import ConfigError, InternalError
from edgebuild.figure import Figure
from edgebuild.progress import ProgressSink, Silent

FASTER, SLOWER, NO_DIFFERENCE = "faster", "slower", "no difference shown"
RATIO = "latency_ratio"


@dataclass(frozen=True)
class Contender:
    """A file, and its samples as of `measure_on_device`."""

    file: Path
    samples: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Comparison:
    """What came out.

    Attributes:
        ours: of the file that is judged.
        theirs: of the one that it is held against.
        figures: `latency_ratio`, ours over theirs; on an emulated board `instructions_ratio` before it.
        findings: what makes them doubtful, besides what each file has.
        verdict: `faster`, `slower` or `no difference shown`: ours, by the interval of `latency_ratio`.
    """

    ours: BoardBench
    theirs: BoardBench
    figures: tuple[Figure, ...]
    findings: tuple[Finding, ...]
    verdict: str


def compare_on_device(
    device: Device,
    ours: Contender,
    theirs: Contender,
    settings: BoardSettings,
    *,
    wait: float = 0.0,
    lease: Lease | None = None,
    progress: ProgressSink | None = None,
) -> Comparison:
    """Measure two files on one device, their processes in turns, and compare the outputs of each with this host's.

    Args:
        device: its file.
        ours: the file that is judged.
        theirs: what it is held against.
        settings: for a device that is not emulated; an even number of processes, so that the order is balanced.
        wait: seconds to wait for another holder of the device.
        lease: one that the caller has already.
        progress: where to report.

    Raises:
        ConfigError: no time is known there, an odd number of processes, or as of `measure_on_device`.
        DeviceError: the device is busy, gone or wrong, or its runtime failed.
        ToolError: something this machine needs for it is missing.
    """
    _require_comparable(device, (ours, theirs), settings)
    told = progress or Silent()
    if device.transport == QEMU_USER:
        # A board for each, so that each counts what it counts alone.
        one, other = (
            measure_on_device(device, contender.file, contender.samples, settings, progress=told)
            for contender in (ours, theirs)
        )
        figures = _counted_ratios(*(correct_figures(device, each.figures, each.profile) for each in (one, other)))
    else:
        one, other, ratio = _in_turns(device, (ours, theirs), settings, (wait, lease), told)
        figures = [ratio]
    return Comparison(one, other, tuple(figures), tuple(_same_inputs(ours, theirs)), _verdict(figures[-1]))


def _in_turns(
    device: Device,
    pair: tuple[Contender, Contender],
    settings: BoardSettings,
    hold: tuple[float, Lease | None],
    progress: ProgressSink,
) -> tuple[BoardBench, BoardBench, Figure]:
    """Both files on a real device, and the ratio of their times; `hold` is how long to wait for it, and a lease."""
    for one in pair:
        require_phone(device, one.file)
    references = [reference_of(one.file, runtime_of(one.file), one.samples) for one in pair]
    with connected(device, wait=hold[0], lease=hold[1]) as transport:
        before = transport.properties()
        placement = settings.placement(device, before)
        boards = [
            place(transport, device, one.file, one.samples, placement, folder)
            for one, folder in zip(pair, ("ours", "theirs"), strict=True)
        ]
        meter = meter_of(boards[0])
        turns = take_turns(boards, before, settings, lambda kept: _ratio(kept, settings.seed), progress)
        costs = [cost_of(turns, index, settings, progress, meter) for index in range(len(boards))]
    ours, theirs = (bench_of(one, device, before, cost) for one, cost in zip(references, costs, strict=True))
    return ours, theirs, _timed_ratio(turns.kept, costs[0].figures[0], settings.seed)


def _require_comparable(device: Device, pair: Sequence[Contender], settings: BoardSettings) -> None:
    for one in pair:
        if is_ethos_u(one.file):
            msg = f"{one.file.name} cannot be compared on {device.name!r}: the model of an Ethos-U is no clock"
            raise ConfigError(msg, remedy="compare the times that Vela estimates: edgebuild build, or inspect")
    if settings.processes % 2:
        msg = f"{settings.processes} processes of each file cannot take turns in a balanced order (A B, B A)"
        raise ConfigError(msg, remedy="give an even number: --processes 4")


def _ratio(kept: Sequence[Sequence[Process]], seed: int) -> Interval:
    ours, theirs = (steady_runs(processes) for processes in kept)
    return ratio_interval(ours, theirs, seed=seed)


def _timed_ratio(kept: Sequence[Sequence[Process]], latency: Figure, seed: int) -> Figure:
    where = latency.provenance.partition(";")[0]
    how = f"{where} of each file, in turns (ABBA); ratio of the medians, by a bootstrap of pairs of processes"
    return measured_figure(RATIO, "1", _ratio(kept, seed), how)


def _counted_ratios(ours: Sequence[Figure], theirs: Sequence[Figure]) -> list[Figure]:
    """Of instructions, which are counted, and of the times that were estimated from them."""
    mine, other = ({figure.name: figure for figure in figures} for figures in (ours, theirs))
    instructions = _quotient(
        "instructions_ratio",
        mine["instructions"],
        other["instructions"],
        "counted on an emulated board, from least to most",
    )
    missing = next((one["latency"] for one in (mine, other) if one["latency"].missing), None)
    if missing is not None:
        return [instructions, Figure(RATIO, None, "1", "estimated", provenance=missing.provenance)]
    how = (
        "of two estimates, as if one was as far too high as the other too low; what both are off by in common cancels, "
        "which the interval does not count on"
    )
    return [instructions, _quotient(RATIO, mine["latency"], other["latency"], how)]


def _quotient(name: str, ours: Figure, theirs: Figure, how: str) -> Figure:
    """The widest that two intervals allow; it holds where both of them do."""
    value, low, high = _ends(ours)
    other, other_low, other_high = _ends(theirs)
    sure = None if ours.confidence is None else max(0.0, 2 * ours.confidence - 1)
    return Figure(name, value / other, "1", ours.kind, low / other_high, high / other_low, sure, how)


def _ends(figure: Figure) -> tuple[float, float, float]:
    if figure.value is None or figure.low is None or figure.high is None:
        msg = f"{figure.name} without an interval"
        raise InternalError(msg)
    return figure.value, figure.low, figure.high


def _same_inputs(ours: Contender, theirs: Contender) -> list[Finding]:
    one, other = (
        ", ".join(f"{array.dtype}{list(array.shape[1:])}" for array in contender.samples.values())
        for contender in (ours, theirs)
    )
    if one == other:
        return []
    message = f"the files take different inputs ({one} against {other}): they do not do the same work"
    return [Finding("inputs-differ", message, severity="note")]


def _verdict(ratio: Figure) -> str:
    if ratio.high is not None and ratio.high < 1:
        return FASTER
    return SLOWER if ratio.low is not None and ratio.low > 1 else NO_DIFFERENCE
