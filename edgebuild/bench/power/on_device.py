"""A meter that is read on the device itself: a shell loop there samples it while the loop of inferences runs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence

from pydantic import Field

from edgebuild.bench.power.meter import Capabilities, Trace
from edgebuild.config.parameters import Parameters
from edgebuild.config.quantity import Milliseconds
from edgebuild.device.scratch import scratch_folder
from edgebuild.device.transport import Completed, Transport
from edgebuild.errors import DeviceError, InternalError

LONGEST_SECONDS = 3600.0
OWN_SECONDS = 20.0
PINGS = 5
TIMER_SECONDS = 0.01
"""/proc/uptime counts in hundredths of a second."""
STOP, _SCRIPT = "power-stop", "power-record.sh"
STAMP = "@"
"""First letter of a line with the time of the sample whose values follow."""

Sample = tuple[float, tuple[str, ...]]
"""Seconds on the device's clock, and the lines that were read."""


class SampledOptions(Parameters):
    """Options of every meter that is read on the device."""

    period: Milliseconds = Field(default=50.0, gt=0, description="between two samples, besides what reading one takes")

    @property
    def seconds(self) -> float:
        """The period in s."""
        return self.period / 1000


class OnDeviceMeter:
    """Runs a script on the device that records until a file `power-stop` is there, and reads what it printed.

    The device's clock is compared with this host's before and after: the shortest of a few round trips says how far off
    the offset may be (Cristian 1989, Probabilistic clock synchronization).
    """

    def __init__(
        self,
        transport: Transport,
        script: str,
        capabilities: Capabilities,
        read: Callable[[bytes], Trace],
        check: Callable[[], None],
    ) -> None:
        """`script` is a shell's, `read` makes a trace of what it prints, `check` raises DeviceError before it runs."""
        self._transport = transport
        self._script = script
        self._capabilities = capabilities
        self._read = read
        self._check = check
        self._marks: dict[str, float] = {}
        self._thread: threading.Thread | None = None
        self._done: list[Completed | BaseException] = []
        self._offsets: list[tuple[float, float]] = []

    def capabilities(self) -> Capabilities:
        """What it can see."""
        return self._capabilities

    def arm(self) -> None:
        """See that it can be read.

        Raises:
            DeviceError: it cannot.
        """
        self._check()

    def start(self) -> None:
        """Start the script on the device."""
        self._offsets = [self._clock()]
        shell(self._transport, f"rm -f {STOP}", OWN_SECONDS)
        self._push(_SCRIPT, self._script)
        self._marks, self._done = {}, []
        self._thread = threading.Thread(target=self._run, name="edgebuild-power", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._done.append(self._transport.run(["sh", _SCRIPT], LONGEST_SECONDS))
        except Exception as error:  # noqa: BLE001 (handed to who waits for the record)
            self._done.append(error)

    def mark(self, label: str) -> None:
        """Remember this moment."""
        self._marks[label] = time.monotonic()

    def stop(self) -> Trace:
        """End the script on the device and read what it said.

        Raises:
            DeviceError: it failed, or gave nothing.
        """
        if self._thread is None:
            msg = "a power meter that was not started"
            raise InternalError(msg)
        self._push(STOP, "")
        self._thread.join(OWN_SECONDS)
        if not self._done:
            msg = "what records the power on the device did not end"
            raise DeviceError(msg, remedy="see whether the device still answers")
        ended = self._done[0]
        if isinstance(ended, BaseException):
            raise ended
        self._offsets.append(self._clock())
        trace = self._read(ended.stdout)
        offset, error = min(self._offsets, key=lambda one: one[1])
        apart = abs(self._offsets[0][0] - self._offsets[-1][0])
        return Trace(trace.seconds, trace.rails, dict(self._marks), offset, error + apart, trace.counted)

    def _clock(self) -> tuple[float, float]:
        """(device's clock less ours, how far that may be off), s."""
        found = []
        for _ in range(PINGS):
            before = time.monotonic()
            there = float(shell(self._transport, "read up idle < /proc/uptime; echo $up", OWN_SECONDS))
            after = time.monotonic()
            found.append((there - (before + after) / 2, (after - before) / 2 + TIMER_SECONDS))
        return min(found, key=lambda one: one[1])

    def _push(self, name: str, text: str) -> None:
        with scratch_folder("power") as scratch:
            file = scratch / name
            file.write_text(text)
            self._transport.push(file, name)


def sampled_meter(
    transport: Transport,
    command: str,
    period: float,
    capabilities: Capabilities,
    read: Callable[[Sequence[Sample]], Trace],
) -> OnDeviceMeter:
    """A meter that is read by `command` every `period` s."""
    sample = f"read up idle < /proc/uptime; echo {STAMP}$up; {command}"
    script = f"while :; do\n{sample}\n[ -e {STOP} ] && exit 0\nsleep {period:g}\ndone\n"

    def check() -> None:
        once = list(samples_of(shell(transport, sample, OWN_SECONDS)))
        read([*once, *((stamp + period, lines) for stamp, lines in once)])

    def read_all(printed: bytes) -> Trace:
        return read(list(samples_of(printed.decode(errors="replace"))))

    return OnDeviceMeter(transport, script, capabilities, read_all, check)


def shell(transport: Transport, command: str, seconds: float) -> str:
    """What a command of the device's shell prints.

    Raises:
        DeviceError: it failed; its last words are in the message.
    """
    completed = transport.run(["sh", "-c", command], seconds)
    if completed.exit_code:
        said = completed.stderr.decode(errors="replace").strip().splitlines() or ["it said nothing"]
        msg = f"the power meter cannot be read: {said[-1]}"
        raise DeviceError(msg, remedy="see docs/power.md for what it needs, and whether the user may read it")
    return completed.stdout.decode(errors="replace")


def samples_of(text: str) -> Iterator[Sample]:
    """The samples in what the loop printed; one that was cut off at the end is left out by its reader."""
    stamp, lines = None, list[str]()
    for line in text.splitlines():
        if line.startswith(STAMP):
            if stamp is not None:
                yield stamp, tuple(lines)
            stamp, lines = float(line.removeprefix(STAMP)), []
        elif stamp is not None:
            lines.append(line)
    if stamp is not None:
        yield stamp, tuple(lines)
