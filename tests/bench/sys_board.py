"""A board over ssh whose /sys and `vcgencmd` are files of a test, and whose runtime can be made to change them.

The server runs in a mount namespace in which folders of the test lie over the kernel's own, so that what is asked is
asked over a real connection, and found where a board has it.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from edgebuild.config.device import Bench, Device
from tests.device.sshd import Server, new_server

_CPU, _THERMAL = "sys/devices/system/cpu", "sys/class/thermal"
_OVER = " && ".join(f'mount --bind "{{folder}}/{part}" /{part}' for part in (_CPU, _THERMAL))
_RUNTIME = """\
{python} "$@"
code=$?
runs=$(($(cat {folder}/runs) + 1))
echo $runs >{folder}/runs
if [ -f {folder}/after-$runs ]; then . {folder}/after-$runs; fi
exit $code
"""
_VCGENCMD = """\
if [ -f {folder}/when-asked ]; then . {folder}/when-asked; fi
echo throttled=$(cat {folder}/throttled)
"""


class SysBoard:
    """The board.

    Attributes:
        folder: `runs` counts what its runtime ran; `after-N` is a script that is run after the N-th, `when-asked` one
            that is run before it says whether it is throttled. They find the temperature in $heat, in millidegrees.
        server: the ssh server that it is.
    """

    def __init__(self, folder: Path, server: Server) -> None:
        self.folder = folder
        self.server = server

    def device(self, **bench: object) -> Device:
        """Its device file, with what it says under `bench:`."""
        options = self.server.options(python=str(self.folder / "bin" / "python"))
        return Device(name="board", transport="ssh", options=options, bench=Bench.model_validate(bench))

    def put(self, name: str, text: str) -> None:
        """Write a file of it."""
        file = self.folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def program(self, name: str, script: str) -> None:
        """Put a program of a shell on its PATH; it finds the file of the temperature in $heat."""
        self.put(f"bin/{name}", f"#!/bin/sh\nheat={self.folder}/{_THERMAL}/thermal_zone0/temp\n{script}\n")
        (self.folder / "bin" / name).chmod(0o755)

    def heat(self, millidegrees: int) -> None:
        """Let it have this temperature."""
        self.put(f"{_THERMAL}/thermal_zone0/temp", f"{millidegrees}\n")

    @property
    def runs(self) -> int:
        """How often its runtime ran."""
        return int((self.folder / "runs").read_text())


@contextmanager
def sys_board(folder: Path, capacities: Sequence[int] = (), online: str = "0-1") -> Iterator[SysBoard]:
    """A board of 40 degrees that is not throttled, with a core for each capacity; skipped where nobody may mount."""
    prefix = ("unshare", "-m", "sh", "-c", f'{_OVER.format(folder=folder)} && exec "$@"', "sh")
    board = SysBoard(folder, new_server(folder / "sshd", prefix))
    board.put(f"{_CPU}/online", f"{online}\n")
    for core, capacity in enumerate(capacities):
        board.put(f"{_CPU}/cpu{core}/cpu_capacity", f"{capacity}\n")
    board.put(f"{_THERMAL}/thermal_zone0/type", "cpu-thermal\n")
    board.put(f"{_THERMAL}/thermal_zone0/temp", "40000\n")
    board.put("throttled", "0x0\n")
    board.put("runs", "0\n")
    board.program("python", _RUNTIME.format(folder=folder, python=sys.executable))
    board.program("vcgencmd", _VCGENCMD.format(folder=folder))
    tried = subprocess.run([*prefix, "true"], capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"nothing can be mounted over /sys here: {tried.stderr.strip()}")
    with (folder / "sshd" / "sshd_config").open("a") as configuration:
        configuration.write(f"SetEnv PATH={folder}/bin:/usr/bin:/bin\n")
    board.server.start()
    try:
        yield board
    finally:
        board.server.stop()
