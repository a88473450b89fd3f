"""A real ssh server for tests: skipped where there is none, except where a CI job runs."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from benchmarks.measuring.ssh_server import SSHD, Server, descendants, new_server

__all__ = ["Server", "descendants", "needs_sshd", "new_server", "skip_without_sshd", "small_disk"]

SKIPPED = (SSHD is None or shutil.which("ssh-keygen") is None) and "CI" not in os.environ
_REASON = "no ssh server; as root: apt-get install -y openssh-server"

needs_sshd = pytest.mark.skipif(SKIPPED, reason=_REASON)


def skip_without_sshd() -> None:
    """Skip the running test where there is no ssh server."""
    pytest.importorskip("asyncssh")
    if SKIPPED:
        pytest.skip(_REASON)


def small_disk(folder: Path) -> tuple[str, ...]:
    """What to start a server with so that `folder` has 2 MiB for it, and for nobody else."""
    folder.mkdir(parents=True)
    mount = f'mount -t tmpfs -o size=2m none "{folder}" && exec "$@"'
    prefix = ("unshare", "-m", "sh", "-c", mount, "sh")
    tried = subprocess.run([*prefix, "true"], capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"no small file system can be mounted here: {tried.stderr.strip()}")
    return prefix
