"""A .pte whose delegates only a phone's GPU or NPU runs: what it needs, and which devices may have it.

Never run on one: no phone was attached when this was written.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from edgebuild.config.device import Device
from edgebuild.errors import ConfigError
from edgebuild.runtime.executorch_file import read_pte

_NEEDS: Mapping[str, str] = MappingProxyType({"VulkanBackend": "Vulkan", "CoreMLBackend": "Core ML"})
"""Delegate -> what runs it."""
_TRANSPORTS: Mapping[str, tuple[str, ...]] = MappingProxyType({"Vulkan": ("adb",), "Core ML": ()})
"""What runs a delegate -> transports of devices that may have it, with a runner that is linked for it."""
_REMEDIES: Mapping[str, str] = MappingProxyType(
    {
        "Vulkan": "bench it on an Android phone: a device with transport: adb, with an ExecuTorch that was built for "
        "Android with Vulkan (docs/devices.md)",
        "Core ML": "run it in an app on a device of Apple's: edgebuild reaches none",
    }
)


def phone_runtime(file: Path) -> str | None:
    """What the file's delegates need of a phone, `Vulkan` or `Core ML`; None where they need nothing of the kind.

    Raises:
        ConfigError: the file is damaged.
    """
    if file.suffix != ".pte":
        return None
    delegates = [delegate["id"] for delegate in read_pte(file).forward()["delegates"]]
    return next((_NEEDS[name] for name in delegates if name in _NEEDS), None)


def require_phone(device: Device, file: Path) -> None:
    """See that a device may have what a file's delegates need.

    Raises:
        ConfigError: it cannot have it, or the file is damaged.
    """
    needed = phone_runtime(file)
    if needed is not None and device.transport not in _TRANSPORTS[needed]:
        where = "this host" if device.transport == "local" else f"device {device.name!r} ({device.transport})"
        msg = f"{file.name}: its delegates run on {needed}, and {where} has no {needed}"
        raise ConfigError(msg, remedy=_REMEDIES[needed])


def phone_remedy(file: Path) -> str | None:
    """What to see to where a device does not run the file; None for one that is not for a phone's GPU or NPU."""
    needed = phone_runtime(file)
    return None if needed is None else _REMEDIES[needed]
