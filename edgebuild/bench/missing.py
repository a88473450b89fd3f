"""The device's own figures while nobody measured them: missing, with the reason, never the host's dressed up."""

from __future__ import annotations

from collections.abc import Mapping

from edgebuild.figure import Figure

DEVICE_FIGURES: Mapping[str, str] = {"latency": "ms", "ram": "B", "energy": "mJ"}
"""Figures that only a device (or its emulation) can give, with their units."""


def missing_device_figures(target: str, device: str | None = None, *, emulated: bool = False) -> tuple[Figure, ...]:
    """Return one missing figure per device figure.

    Args:
        target: name of the target, for the reason.
        device: name of the profile's device; `host` and None both mean that no device is attached.
        emulated: the device ran the file, but is one without a clock.
    """
    if device in (None, "host"):
        reason = f"not measured: no {target} device is attached; the host's figures are no substitute"
    elif emulated:
        reason = f"not measured: {device} is emulated, and no {target} is attached"
    else:
        reason = f"not measured: device {device} has not run this file"
    return tuple(Figure(name, None, unit, "measured", provenance=reason) for name, unit in DEVICE_FIGURES.items())
