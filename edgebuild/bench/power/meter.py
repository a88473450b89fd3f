"""What every power meter does: one protocol, from the chip on a board to the analyser on the bench."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

from edgebuild.config.parameters import Parameters
from edgebuild.device.transport import Transport

TOTAL = "total"
"""The rail that is everything the device draws, where a meter does not name it: the sum of all its rails."""


@dataclass(frozen=True)
class Capabilities:
    """What a meter can see.

    Attributes:
        rails: their names; `total` where there is one.
        rate_hz: samples in a second, about.
        accuracy: largest relative error of a reading, as its data sheet states.
        source: of the accuracy.
    """

    rails: tuple[str, ...]
    rate_hz: float
    accuracy: float
    source: str


@dataclass(frozen=True)
class Trace:
    """What a meter saw between start and stop.

    Attributes:
        seconds: [n], on the meter's clock, rising.
        rails: name -> W [n], the mean power since the sample before, or at that moment.
        marks: label -> seconds on the host's clock (`time.monotonic`).
        clock_offset: meter's clock less the host's, s.
        clock_error: how far the offset may be off, s.
        counted: True where W come from a counter of energy, so that nothing is missed between samples.
    """

    seconds: np.ndarray
    rails: dict[str, np.ndarray]
    marks: dict[str, float] = field(default_factory=dict)
    clock_offset: float = 0.0
    clock_error: float = 0.0
    counted: bool = False

    @property
    def watts(self) -> np.ndarray:
        """[n], all that the device draws."""
        if TOTAL in self.rails:
            return self.rails[TOTAL]
        added: np.ndarray = np.sum(list(self.rails.values()), axis=0)
        return added

    def at(self, label: str) -> float:
        """The time of a mark on the meter's clock, s."""
        return self.marks[label] + self.clock_offset


class PowerMeter(Protocol):
    """A meter that is attached to one device."""

    def capabilities(self) -> Capabilities:
        """What it can see; known once it is armed."""
        ...

    def arm(self) -> None:
        """See that it is there and that what it will read is the device's power.

        Raises:
            DeviceError: it is not there, may not be read, or the device is charging.
            ToolError: its library is missing.
        """
        ...

    def start(self) -> None:
        """Begin to record."""
        ...

    def mark(self, label: str) -> None:
        """Remember this moment under a name."""
        ...

    def stop(self) -> Trace:
        """End the record and return it.

        Raises:
            DeviceError: nothing was recorded, or the connection broke.
        """
        ...


@dataclass(frozen=True)
class MeterKind:
    """One kind of meter; registered in METERS.

    Attributes:
        title: one line for docs.
        parameters: the typed table of `power.options`.
        open: (transport of the device, parameters) -> PowerMeter; meters on the bench do not use the transport.
        tried: what it was run on: docs/power.md says so too.
    """

    title: str
    parameters: type[Parameters]
    open: Callable[[Transport, Any], PowerMeter]
    tried: str
