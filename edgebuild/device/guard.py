"""Programs on this machine that we started do not outlive us, however we end."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from edgebuild.device.on_device import own_command

_SYSTEM = "/usr/bin:/bin"
"""Where the programs of every system lie, also for whoever asks for a PATH without them."""
_WITH_US = ("setpriv", "--pdeathsig", "KILL")


def with_us(command: Sequence[str]) -> list[str]:
    """What to start a single process with so that the kernel ends it when the thread that started it is gone.

    It stays as it is where util-linux is missing; then the process ends by itself.
    """
    return [*(_WITH_US if _can() else ()), *command]


@cache
def _can() -> bool:
    if shutil.which(_WITH_US[0]) is None:
        return False
    return subprocess.run([*_WITH_US, "true"], capture_output=True, check=False).returncode == 0  # not of busybox


class Guard:
    """A process that ends all programs of a work folder and removes it, when it is closed or this one is gone.

    It is of a session of its own, so that what ends us does not end it, and reads a pipe that only we can write to.
    """

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            own_command("guard", str(folder)),
            cwd="/",
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env={**os.environ, "PATH": f"{os.environ.get('PATH', os.defpath)}:{_SYSTEM}"},
        )

    @contextmanager
    def watching(self, program: int) -> Iterator[None]:
        """While a program runs that leads a group of processes."""
        self._say(f"+ {program}")
        try:
            yield
        finally:
            self._say(f"- {program}")

    def close(self) -> None:
        """Let it do its work, and wait until it has."""
        with suppress(OSError):
            assert self._process.stdin is not None
            self._process.stdin.close()
        self._process.wait()

    def _say(self, line: str) -> None:
        assert self._process.stdin is not None
        with suppress(OSError):  # somebody killed it: then nothing is guarded
            self._process.stdin.write(f"{line}\n".encode())
            self._process.stdin.flush()
