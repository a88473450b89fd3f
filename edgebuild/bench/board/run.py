"""What a run of a file on a device gives, whichever runtime does it."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgebuild.config.cores import show_cores
from edgebuild.device.cores import Placement
from edgebuild.device.qemu_plugin import Counts
from edgebuild.device.qemu_user import QemuUserTransport
from edgebuild.device.transport import Completed, Transport
from edgebuild.errors import DeviceError, InternalError

DEFAULT_SECONDS = 600.0
"""What a process on the device may take."""
PROFILED_RUNS = 3
"""Of a process that is profiled: two that fill the caches and make what the runtime keeps, and the one that counts."""
PROFILED_MARKS = (2 * PROFILED_RUNS - 2, 2 * PROFILED_RUNS - 1)
"""The marks before and after the last of them."""
EMPTY_MARKS = (2 * PROFILED_RUNS, 2 * PROFILED_RUNS + 1)
"""Two marks with nothing between them."""


_NOT_PINNED = "cannot pin to cores"
"""What the programs there say, before the cores."""
_CORES = "a core of them is offline, or not for this login (cpusets, cgroups): name others with --cores"
_KILLED = (128 + signal.SIGKILL, -signal.SIGKILL)
"""Exit codes as a shell and as Python gives them."""
_BY_WHOM = "the kernel did where memory ran out (`dmesg` there says so), or somebody else did: see who uses the board"


@dataclass(frozen=True)
class BoardRun:
    """What the board did.

    Attributes:
        outputs: name -> array [samples, ...], as the file gives them.
        milliseconds: of each timed run of the first sample, warm-up included; of an emulated board they mean nothing.
        instructions: of each of these runs, less those of the marks around it; empty on a real board.
        load_ms: from opening the file to ready.
        peak_bytes: high-water resident memory of the process.
        outputs_sha256: of the outputs of the last timed run.
    """

    outputs: dict[str, np.ndarray]
    milliseconds: tuple[float, ...]
    instructions: tuple[int, ...]
    load_ms: float
    peak_bytes: int
    outputs_sha256: str


def run_and_count(transport: Transport, argv: Sequence[str], seconds: float) -> tuple[Completed, Counts | None]:
    """Run a program; count its instructions where the board is emulated."""
    if isinstance(transport, QemuUserTransport):
        return transport.run_counted(argv, seconds)
    return transport.run(argv, seconds), None


def require_success(completed: Completed, what: str, remedy: str) -> bytes:
    """The program's stdout.

    Raises:
        DeviceError: it failed; the message says `what` did, with its last words.
    """
    if completed.exit_code == 0:
        return completed.stdout
    words = [line.strip() for line in completed.stderr.decode(errors="replace").splitlines() if line.strip()]
    last = words[-1] if words else "it said nothing"
    if _NOT_PINNED in last:
        msg = f"{what} does not run on the cores that it was to run on: {last}"
        raise DeviceError(msg, remedy=_CORES)
    if completed.exit_code in _KILLED:
        msg = f"{what} was killed while it ran on the board: {last}"
        raise DeviceError(msg, remedy=_BY_WHOM)
    msg = f"{what} does not run on the board (exit code {completed.exit_code}): {last}"
    raise DeviceError(msg, remedy=remedy)


def require_cores(placement: Placement, found: Sequence[int]) -> None:
    """See that a program that has ended was on its cores until the end.

    Raises:
        DeviceError: the system took one away meanwhile, and moved the program.
    """
    if placement.cores and tuple(found) != placement.cores:
        msg = (
            f"a core went offline while the file ran: it began as {placement}, and ended on {show_cores(tuple(found))}"
        )
        raise DeviceError(msg, remedy=_CORES)


def between_marks(counts: Counts | None, runs: int) -> tuple[int, ...]:
    """Instructions from each even mark to the odd one after it, less those of the last pair, which has no run."""
    if counts is None:
        return ()
    if [number for number, _ in counts.calls] != list(range(2 * runs + 2)):
        msg = f"the counter saw {len(counts.calls)} marks, {2 * runs + 2} were made"
        raise InternalError(msg)
    totals = [total for _, total in counts.calls]
    *passed, empty = [after - before for before, after in zip(totals[::2], totals[1::2], strict=True)]
    return tuple(count - empty for count in passed)
