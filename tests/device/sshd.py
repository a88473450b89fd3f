"""A real ssh server for tests: skipped where there is none, except where a CI job runs."""

from __future__ import annotations

import os
import shutil

import pytest

from benchmarks.measuring.ssh_server import SSHD, Server, descendants, new_server

__all__ = ["Server", "descendants", "needs_sshd", "new_server"]

SKIPPED = (SSHD is None or shutil.which("ssh-keygen") is None) and "CI" not in os.environ

needs_sshd = pytest.mark.skipif(SKIPPED, reason="no ssh server; as root: apt-get install -y openssh-server")
