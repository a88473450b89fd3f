"""Only one benchmark at a time on a host: two that run at once measure each other."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def exclusive_host() -> Iterator[None]:
    """Wait for every other benchmark of this user to finish, and keep others out until the block is left.

    The lock is the kernel's and vanishes with the process that holds it, so a killed build blocks nobody.
    """
    path = Path(tempfile.gettempdir()) / f"edgebuild-bench-{os.getuid()}.lock"
    with path.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
