"""What a report says of the time of each operation."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class OpProfile:
    """Time of one operation, in file order."""

    op: str
    layer: str | None
    median_ms: float


@dataclass(frozen=True)
class DeviceProfile:
    """Operations as they were timed on the target's real device.

    Attributes:
        device: its name.
        operations: in file order.
        whole_ms: of an inference in the same process.
        ratio: sum of the operations / whole.
        provenance: how they were timed.
    """

    device: str
    operations: tuple[OpProfile, ...]
    whole_ms: float
    ratio: float
    provenance: str
