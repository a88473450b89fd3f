"""An accelerator that a file can be judged for without having it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from edgebuild.check.finding import Finding
from edgebuild.check.promise import RuntimeVersion
from edgebuild.figure import Figure

if TYPE_CHECKING:
    from rich.console import RenderableType


class AcceleratorReport(Protocol):
    """What was found for one file.

    Attributes:
        figures: memory, time and energy, by the names that a report knows.
        findings: what is not as wanted there, beyond what rules find in the file itself.
        left_on_cpu: what runs on the CPU though nobody asked for it, also where a rule of the build tells it.
        overruled: codes of rules that only guess what the accelerator's own compiler said here.
    """

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Memory, time and energy."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What is not as wanted."""

    @property
    def left_on_cpu(self) -> tuple[Finding, ...]:
        """What runs on the CPU."""

    @property
    def overruled(self) -> tuple[str, ...]:
        """Codes of rules that are notes now."""

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""

    def describe(self) -> RenderableType:
        """The same for people."""


@dataclass(frozen=True)
class JudgeRequest:
    """What an accelerator gets to work with.

    Attributes:
        file: the exported file.
        hardware: the profile's `hardware:`, plain values; empty where there is no profile.
        output: folder for files that the accelerator's own compiler makes, `<stem>_<something>.tflite`; None where
            nobody keeps them.
        layers: names of the user's layers, in forward order.
    """

    file: Path
    hardware: Mapping[str, Any] = field(default_factory=dict)
    output: Path | None = None
    layers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Accelerator:
    """One accelerator; registered in ACCELERATORS under the name that a profile's `hardware.accelerator` gives it.

    Attributes:
        title: one line for docs: what is judged, and how.
        version: of the tool that judges, for the key of what depends on it; None where it is missing.
        judge: what would become of a file there; raises ConfigError where it cannot be read, ToolError where a tool
            is missing or fails.
        figures: names of what it estimates for a whole file.
        parser: whose versions of operations its compiler has; newer ones are lowered where they mean the same. None
            where the compiler knows them all.
        together: what would become of several files that are compiled to share it; None where they cannot be.
        words: key of `hardware:` -> the names that its compiler knows for it.
    """

    title: str
    version: Callable[[], str | None]
    judge: Callable[[JudgeRequest], AcceleratorReport]
    figures: tuple[str, ...] = ()
    parser: RuntimeVersion | None = None
    together: Callable[[Sequence[JudgeRequest]], AcceleratorReport] | None = None
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
