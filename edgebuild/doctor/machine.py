"""What the machine itself must give: Python, disk, memory, a store that can be written."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from pathlib import Path

from edgebuild.doctor.check import Check

WANTED_PYTHON = "3.11"
"""The version that the pinned packages were tested with; wheels of some are published for few others."""

WANTED_DISK = 1 * 2**30
"""Bytes; the store of the four shipped targets takes far less, temporary files of the exporters most of it."""

WANTED_MEMORY = 3 * 2**30
"""Bytes; what a build may take at most."""


def examine_machine(store: Path) -> list[Check]:
    """Return the checks of the machine; `store` is the folder where the artifacts go, whether it exists or not."""
    place = _nearest_existing(store.absolute())
    return [
        _python(),
        _amount(
            "memory", _memory_bytes(), WANTED_MEMORY, "training and exporting", "close other programs, or add memory"
        ),
        _amount("free disk", shutil.disk_usage(place).free, WANTED_DISK, f"the store at {store}", "edgebuild cache gc"),
        _store(store, place),
    ]


def _python() -> Check:
    found = platform.python_version()
    right = found.startswith(f"{WANTED_PYTHON}.")
    return Check(
        group="machine",
        name="python",
        wanted=f"{WANTED_PYTHON}.*",
        found=found,
        state="ok" if right else "wrong",
        required=False,
        purpose="the version that the pins were tested with",
        remedy=f"scripts/setup.sh with python{WANTED_PYTHON} on PATH",
    )


def _amount(name: str, found: int, wanted: int, purpose: str, remedy: str) -> Check:
    return Check(
        group="machine",
        name=name,
        wanted=f">= {_gib(wanted)}",
        found=_gib(found),
        state="ok" if found >= wanted else "wrong",
        required=False,
        purpose=purpose,
        remedy=remedy,
    )


def _store(store: Path, place: Path) -> Check:
    """Whether a file can be made where the store is or would be made; nothing is left behind."""
    try:
        with tempfile.NamedTemporaryFile(dir=place, prefix=".edgebuild-doctor-"):
            found = "writable"
    except OSError as error:
        found = error.strerror or str(error)
    return Check(
        group="machine",
        name="store",
        wanted="writable",
        found=found,
        state="ok" if found == "writable" else "wrong",
        required=True,
        purpose=f"keeping artifacts at {store}",
        remedy=f"make {place} writable for you, or build a copy of the project elsewhere",
    )


def _nearest_existing(path: Path) -> Path:
    return path if path.is_dir() else _nearest_existing(path.parent)


def _memory_bytes() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _gib(amount: int) -> str:
    return f"{amount / 2**30:.1f} GiB"
