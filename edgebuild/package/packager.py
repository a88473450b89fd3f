"""A packager: lays out what an app or firmware developer takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class PackageRequest:
    """What a packager gets: the export folder, labels, the manifest's content and an empty folder to fill."""

    export: Path
    labels: tuple[str, ...]
    manifest: Mapping[str, Any]
    options: Mapping[str, Any]
    output: Path


@dataclass(frozen=True)
class Packager:
    """One layout; registered in PACKAGERS under the name a profile uses (`plain`, `android`, `linux`, `microcontroller`)."""

    title: str
    version: int
    run: Callable[[PackageRequest], None]
