"""A meter on the bench: this host reads its stream in a thread while the device works."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np

from edgebuild.bench.power.meter import Capabilities, Trace
from edgebuild.device.optional_library import optional_library
from edgebuild.errors import DeviceError, InternalError

Chunk = tuple[float, Any]
"""When it arrived (`time.monotonic`), and what the meter's library gave."""


class Source(Protocol):
    """The stream of one meter, by its maker's library."""

    def open(self) -> None:
        """Find the meter and set it up.

        Raises:
            DeviceError: it is not there.
            ToolError: its library is missing.
        """
        ...

    def begin(self) -> None:
        """Have it send."""
        ...

    def read(self) -> Any:
        """What arrived since; empty after a moment where nothing did."""
        ...

    def end(self) -> None:
        """Have it stop."""
        ...


class BenchMeter:
    """Keeps what a source sends, and makes a trace of it at the end.

    The meter's clock counts its samples. What arrived soonest after it was sampled says how that clock stands to this
    host's: nothing arrives before it was sampled.
    """

    def __init__(self, source: Source, capabilities: Capabilities, decode: Callable[[Sequence[Chunk]], Trace]) -> None:
        """`decode` gives a trace on the meter's own clock, with `clock_error` where the chunks themselves are late."""
        self._source = source
        self._capabilities = capabilities
        self._decode = decode
        self._chunks: list[Chunk] = []
        self._marks: dict[str, float] = {}
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None
        self._failed: list[Exception] = []

    def capabilities(self) -> Capabilities:
        """What it can see."""
        return self._capabilities

    def arm(self) -> None:
        """See that it is there."""
        self._source.open()

    def start(self) -> None:
        """Begin to record."""
        self._chunks, self._marks, self._failed = [], {}, []
        self._ended.clear()
        self._source.begin()
        self._thread = threading.Thread(target=self._collect, name="edgebuild-power", daemon=True)
        self._thread.start()

    def _collect(self) -> None:
        try:
            while not self._ended.is_set():
                chunk = self._source.read()
                if chunk:
                    self._chunks.append((time.monotonic(), chunk))
        except Exception as error:  # noqa: BLE001 (handed to who waits for the record)
            self._failed.append(error)

    def mark(self, label: str) -> None:
        """Remember this moment."""
        self._marks[label] = time.monotonic()

    def stop(self) -> Trace:
        """End the record.

        Raises:
            DeviceError: the meter sent nothing, or its stream broke.
        """
        if self._thread is None:
            msg = "a power meter that was not started"
            raise InternalError(msg)
        self._ended.set()
        self._thread.join()
        self._source.end()
        if self._failed:
            msg = f"the power meter was lost: {self._failed[0]}"
            raise DeviceError(msg, remedy="see its cable, and that no other program uses it")
        if not self._chunks:
            msg = "the power meter sent nothing"
            raise DeviceError(msg, remedy="see that it is switched on, and that no other program uses it")
        trace = self._decode(self._chunks)
        return Trace(
            trace.seconds, trace.rails, dict(self._marks), trace.clock_offset, trace.clock_error, trace.counted
        )


def clock_of(arrived: np.ndarray, sampled: np.ndarray) -> tuple[float, float]:
    """(meter's clock less the host's, how far that may be off), s.

    Args:
        arrived: [n], host's time of each chunk.
        sampled: [n], meter's time of the last sample in it.
    """
    offsets = sampled - arrived
    gaps = np.diff(arrived) if len(arrived) > 1 else np.zeros(1)
    return float(offsets.max()), float(np.median(gaps))


def library(module: str) -> Any:
    """The maker's library.

    Raises:
        ToolError: it is not installed.
    """
    return optional_library(module, "this power meter", "power")
