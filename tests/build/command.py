"""The installed command, as a user or a CI job runs it."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

COMMAND = Path(sys.executable).with_name("edgebuild")
TAKE_INTERRUPTS = ("env", "--default-signal=INT")
"""In front of a command that is to be interrupted: tests that run in the background ignore SIGINT, and so would it."""


@dataclass(frozen=True)
class Built:
    """A project after `edgebuild build --json`."""

    project: Path
    exit_code: int
    stdout: str
    stderr: str


def edgebuild(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in `folder` to its end."""
    return subprocess.run([COMMAND, *arguments], cwd=folder, capture_output=True, text=True, timeout=300, check=False)


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start the command in `folder`."""
    return subprocess.Popen(
        [*TAKE_INTERRUPTS, COMMAND, *arguments],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def digests(folder: Path) -> dict[str, str]:
    """Relative path -> SHA-256 of every file below `folder`."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
