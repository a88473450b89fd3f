"""Where long work says how far it is; the library reports here and never prints."""

from __future__ import annotations

from typing import Protocol


class ProgressSink(Protocol):
    """Receives the progress of one stage."""

    def update(self, fraction: float, message: str = "") -> None:
        """`fraction` of the stage done, in [0, 1]; `message` is a few words on what happens now."""
        ...


class Section:
    """A part of a stage's work: what it reports lands between `start` and `end` of the whole."""

    def __init__(self, whole: ProgressSink, start: float, end: float) -> None:
        self._whole, self._start, self._end = whole, start, end

    def update(self, fraction: float, message: str = "") -> None:
        """Report the fraction of this part."""
        self._whole.update(self._start + fraction * (self._end - self._start), message)


class Silent:
    """A sink that drops everything."""

    def update(self, fraction: float, message: str = "") -> None:
        """Do nothing."""


def format_duration(seconds: float) -> str:
    """`0.4 s`, `12 s`, `3 min 20 s`, `2 h 05 min`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
