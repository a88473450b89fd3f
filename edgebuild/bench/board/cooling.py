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
STALL_SECONDS = 30.0
"""A device that is not a degree cooler than so long before is as cool as it gets."""


class Cooling:
    """Waits for a device, in all no longer than its file allows, and no longer than it cools.

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
        self._stalled = False

    def wait(self, state: State, share: float) -> State:
        """Wait until a device that said `state` is cool and not slowed down, or no longer; what it says then.

        Args:
            state: what it said last.
            share: of the benchmark that is done, for the report of progress.
        """
        begun, limit = time.monotonic(), self._device.bench.cool_within / 1e3 - self.seconds
        coolest, cooled = celsius(state), begun
        while self._must_wait(state) and (left := begun + limit - time.monotonic()) > 0:
            heat = celsius(state)
            words = "slowed down" if heat is None else f"{heat:.0f} °C"
            self._progress.update(share, f"{self._device.name}: cooling ({words}), {left:.0f} s at most")
            time.sleep(min(POLL_SECONDS, left))
            state = self._transport.properties()
            heat = celsius(state)
            if coolest is None or (heat is not None and heat <= coolest - 1):
                coolest, cooled = heat, time.monotonic()
            self._stalled = self._stalled or time.monotonic() - cooled > STALL_SECONDS
        self.seconds += time.monotonic() - begun
        heat = celsius(state)
        if heat is not None and heat > self._device.bench.start_below:
            self.warmest = max(heat, self.warmest or heat)
        return state

    def findings(self) -> list[Finding]:
        """A note where a process was begun above the limit."""
        if self.warmest is None:
            return []
        name, limit = self._device.name, self._device.bench.start_below
        message = (
            f"a process began at {self.warmest:.0f} °C: {name} did not come below {limit:g} °C in {self.seconds:.1f} s "
            "(bench: start_below, cool_within of its file)"
        )
        return [Finding("device-warm", message, severity="note")]

    def _must_wait(self, state: State) -> bool:
        heat = celsius(state)
        warm = heat is not None and heat > self._device.bench.start_below
        return bool(slowed_now(state)) or (warm and not self._stalled)
