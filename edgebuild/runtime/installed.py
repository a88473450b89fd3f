"""Which version of a distribution is installed in this environment."""

from __future__ import annotations

import importlib.metadata


def installed_version(distribution: str) -> str | None:
    """Its version; None where it is not installed. Imports nothing."""
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None
