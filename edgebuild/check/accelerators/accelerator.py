"""An accelerator that a file can be judged for without having it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from rich.console import RenderableType


class AcceleratorReport(Protocol):
    """What was found for one file."""

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""

    def describe(self) -> RenderableType:
        """The same for people."""


@dataclass(frozen=True)
class Accelerator:
    """One accelerator; registered in ACCELERATORS under the name that a profile's `hardware.accelerator` gives it.

    Attributes:
        title: one line for docs: what is judged, and how.
        judge: an exported file -> what would become of it there; raises ConfigError where it cannot be read.
    """

    title: str
    judge: Callable[[Path], AcceleratorReport]
