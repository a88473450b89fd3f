"""The profiles and devices that come with edgebuild."""

from __future__ import annotations

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent


def shipped_targets_dir() -> Path:
    """Folder of the shipped profiles: `targets/` of a checkout, or its copy in an installed wheel."""
    return _shipped("targets")


def shipped_devices_dir() -> Path:
    """Folder of the shipped devices: `devices/` of a checkout, or its copy in an installed wheel."""
    return _shipped("devices")


def shipped_targets() -> list[str]:
    """Names of the shipped profiles, sorted."""
    return sorted(path.stem for path in shipped_targets_dir().glob("*.yaml"))


def shipped_devices() -> list[str]:
    """Names of the shipped devices, sorted."""
    return sorted(path.stem for path in shipped_devices_dir().glob("*.yaml"))


def _shipped(kind: str) -> Path:
    installed = _PACKAGE / "_shipped" / kind
    return installed if installed.is_dir() else _PACKAGE.parent / kind
