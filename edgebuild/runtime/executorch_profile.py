"""Per-operation times of a .pte file: the runtime's event trace (ETDump), matched to layers."""

from __future__ import annotations

import re
import tempfile
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median, median_grouped
from typing import Any

from edgebuild.errors import ToolError
from edgebuild.runtime.executorch_file import read_pte, schema
from edgebuild.runtime.executorch_flatbuffer import MalformedBufferError
from edgebuild.runtime.executorch_layers import LayerGuide, read_guide
from edgebuild.runtime.executorch_timing import run_timed
from edgebuild.runtime.session import OpTime

_NANOSECONDS_PER_MS = 1e6
_TICK_MS = 1e-3
WARM_UP = 2
"""Inferences that a trace has besides those whose times count."""


@dataclass(frozen=True)
class _Event:
    """One timed operation of one run, as the trace has it; `delegated` events are inside a delegate."""

    instruction: int
    name: str
    delegated: bool
    milliseconds: float


def profile_pte(file: Path, inputs: Mapping[str, Path], threads: int, runs: int) -> list[OpTime]:
    """Median time of every operation over `runs` inferences, after two that are dropped.

    Operations inside the XNNPACK delegate carry XNNPACK's names (`Convolution (NHWC, QC8) IGEMM #1`).

    Raises:
        ConfigError: an input is missing or does not fit.
        ToolError: the runner failed, or its trace cannot be read.
    """
    with tempfile.TemporaryDirectory() as scratch:
        dump = Path(scratch) / "trace.etdp"
        run_timed(file, inputs, threads, runs + WARM_UP, (), etdump=str(dump))
        return operations_of(file, dump.read_bytes())


def operations_of(file: Path, dump: bytes) -> list[OpTime]:
    """The times in an event trace of `file`, wherever it ran: medians, its first two inferences dropped.

    XNNPACK's clock ticks in microseconds, which many an operation takes less than: of its times the median is taken
    as of grouped data (`statistics.median_grouped`), which lies between ticks where the times do.

    Raises:
        ConfigError: the file is damaged.
        ToolError: the trace cannot be read.
    """
    blocks = _execute_blocks(dump)[WARM_UP:]
    guide = read_guide(read_pte(file))
    times: dict[int, list[float]] = defaultdict(list)
    for block in blocks:
        for position, event in enumerate(block):
            times[position].append(event.milliseconds)
    layers = _layers(blocks[0], guide)
    return [
        OpTime(event.name, layer, _median(times[position], ticking=event.delegated), len(times[position]))
        for position, (event, layer) in enumerate(zip(blocks[0], layers, strict=True))
    ]


def _median(milliseconds: list[float], *, ticking: bool) -> float:
    return median_grouped(milliseconds, _TICK_MS) if ticking else median(milliseconds)


def _execute_blocks(dump: bytes) -> list[list[_Event]]:
    """The operations of every run, in order of execution."""
    trace_schema = schema("exir/_serialize/scalar_type.fbs", "devtools/etdump/etdump_schema_flatcc.fbs")
    try:
        # The trace is size-prefixed: its first four bytes are the length of what follows.
        trace = trace_schema.read(dump[4:], "ETDump", identifier="ED00")
    except MalformedBufferError as error:
        msg = f"the event trace of the executorch runtime cannot be read: {error}"
        raise ToolError(msg) from None
    blocks = [_operations(run["events"]) for run in trace["run_data"] if run["name"] == "Execute"]
    if not blocks:
        msg = "the executorch runtime wrote no event of any run"
        raise ToolError(msg, remedy="use an executorch wheel that is built with the event tracer")
    return blocks


def _operations(events: list[dict[str, Any]]) -> list[_Event]:
    """Delegated operations and portable kernels; the enclosing calls and the method itself are left out."""
    found = []
    for event in events:
        profile = event["profile_event"]
        if profile is None:
            continue
        inner = profile["delegate_debug_id_str"]
        kernel = re.fullmatch(r"native_call_(.+)", profile["name"] or "")
        if inner or kernel:
            name = inner or (kernel[1] if kernel else "")
            duration = (profile["end_time"] - profile["start_time"]) / _NANOSECONDS_PER_MS
            found.append(_Event(profile["instruction_id"], name, bool(inner), duration))
    return found


def _layers(events: list[_Event], guide: LayerGuide) -> list[str | None]:
    """The layer of every event: portable kernels by their instruction, delegated ones by kind and order."""
    inside: dict[int, list[str]] = defaultdict(list)
    for event in events:
        if event.delegated:
            inside[event.instruction].append(event.name)
    named = {instruction: iter(guide.match_delegated(instruction, names)) for instruction, names in inside.items()}
    return [
        next(named[event.instruction]) if event.delegated else guide.instructions.get(event.instruction)
        for event in events
    ]
