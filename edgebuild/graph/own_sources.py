"""The digest of a part of this package: code whose every change must make again what it made."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

_PACKAGE = "edgebuild"
_SUFFIXES = (".py", ".c", ".h", ".S")


@cache
def own_sources(folder: str) -> str:
    """SHA-256 over the names and bytes of all sources below `folder` of this package, like `export/c`."""
    digest = hashlib.sha256()
    root = resources.files(_PACKAGE).joinpath(*folder.split("/"))
    for name, file in sorted(_sources(root, "")):
        content = file.read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _sources(folder: Traversable, prefix: str) -> list[tuple[str, Traversable]]:
    found = []
    for entry in folder.iterdir():
        if entry.is_dir():
            found += _sources(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(_SUFFIXES):
            found.append((f"{prefix}{entry.name}", entry))
    return found
