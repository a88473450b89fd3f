"""Where long work says how far it is; the library reports here and never prints."""

from __future__ import annotations

from typing import Protocol


class ProgressSink(Protocol):
    """Receives the progress of one stage."""

    def update(self, fraction: float, message: str = "") -> None:
        """`fraction` of the stage done, in [0, 1]; `message` is a few words on what happens now."""
        ...


class Silent:
    """A sink that drops everything."""

    def update(self, fraction: float, message: str = "") -> None:
        """Do nothing."""
