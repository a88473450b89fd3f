"""Waiting until a device is cool enough to be timed, and is not slowed down."""

from __future__ import annotations

import time

from edgebuild.bench.board.state import State, celsius, slowed_now
from edgebuild.check.finding import Finding
from edgebuild.config.device import Device
from edgebuild.device.transport import Transport
from edgebuild.progress import ProgressSink

POLL_SECONDS = 5.0
"""Between two looks at a device that cools: often enough, and asking costs it next to nothing."""


class Cooling:
    """Waits for a device, in all no longer than its file allows.

    Attributes:
        seconds: that were waited so far.
        warmest: the highest temperature at which a process was begun above the limit nonetheless; None if none was.
    """

    def __init__(self, transport: Transport, device: Device, progress: ProgressSink) -> None:
        self.seconds = 0.0
        self.warmest: float | None = None
        self._transport = transport
        self._device = device
        self._progress = progress

    def wait(self, state: State, share: float) -> State:
        """Wait until a device that said `state` is cool and not slowed down, or the time is over; what it says then.

        Args:
            state: what it said last.
            share: of the benchmark that is done, for the report of progress.
        """
        begun, limit = time.monotonic(), self._device.bench.cool_within / 1e3 - self.seconds
        while self._must_wait(state) and (left := begun + limit - time.monotonic()) > 0:
            heat = celsius(state)
            words = "slowed down" if heat is None else f"{heat:.0f} °C"
            self._progress.update(share, f"{self._device.name}: cooling ({words}), {left:.0f} s at most")
            time.sleep(min(POLL_SECONDS, left))
            state = self._transport.properties()
        self.seconds += time.monotonic() - begun
        heat = celsius(state)
        if heat is not None and heat > self._device.bench.start_below:
            self.warmest = max(heat, self.warmest or heat)
        return state

    def findings(self) -> list[Finding]:
        """A note where a process was begun above the limit."""
        if self.warmest is None:
            return []
        degrees, seconds = self._device.bench.start_below, self._device.bench.cool_within / 1e3
        message = (
            f"a process began at {self.warmest:.0f} °C: {self._device.name} did not come below {degrees:g} °C within "
            f"{seconds:g} s (bench: start_below, cool_within of its file)"
        )
        return [Finding("device-warm", message, severity="note")]

    def _must_wait(self, state: State) -> bool:
        heat = celsius(state)
        return bool(slowed_now(state)) or (heat is not None and heat > self._device.bench.start_below)
