"""Only one benchmark at a time on a host: two that run at once measure each other."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager

from edgebuild.device.lease_records import lease_folder, open_lock


@contextmanager
def exclusive_host() -> Iterator[None]:
    """Wait for every other benchmark of this user to finish, and keep others out until the block is left.

    The lock is the kernel's and vanishes with the process that holds it, so a killed build blocks nobody. It lies where
    leases do, which is one place for all jobs of a machine.

    Raises:
        ToolError: the folder of leases cannot be used.
    """
    with open_lock(lease_folder(), "timed-in-builds") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
