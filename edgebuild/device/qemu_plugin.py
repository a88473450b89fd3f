"""The plugin of QEMU that counts instructions: compiled on demand, and what it writes, read.

The library lies in `<sys.prefix>/var/edgebuild/` under a name that contains the digest of its source and QEMU's
version, so that several processes and versions never meet; it is compiled aside and renamed.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from edgebuild.device.toolchain import find_program
from edgebuild.errors import ToolError

_SOURCE = Path(__file__).parent / "native" / "count_instructions.c"
_FLAGS = ("-std=c11", "-O2", "-shared", "-fPIC", "-fvisibility=hidden")
_COMPILE_SECONDS = 120


@dataclass(frozen=True)
class Counts:
    """What the plugin counted in one run.

    Attributes:
        total: instructions executed from reset to the end.
        marks: (address, instructions executed before it) for each time a marked instruction was reached, in order.
        executed: address -> how often the instruction there was executed; sorted by address.
    """

    total: int
    marks: tuple[tuple[int, int], ...]
    executed: dict[int, int]


def build_plugin(qemu_version: str) -> Path:
    """Return the plugin for this machine, compiling it (about a second) if nobody did before.

    Raises:
        ToolError: gcc is missing or failed, or the folder cannot be written.
    """
    digest = hashlib.sha256("\0".join((_SOURCE.read_text(), qemu_version, *_FLAGS)).encode()).hexdigest()[:16]
    target = Path(sys.prefix) / "var" / "edgebuild" / f"count-instructions-{digest}.so"
    if target.exists():
        return target
    compiler = find_program("gcc")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            library = Path(scratch) / "plugin.so"
            _compile(compiler, library)
            library.replace(target)
    except OSError as error:
        msg = f"{target}: cannot be written: {error.strerror}"
        raise ToolError(msg, remedy="make the folder writable, or free space on its disk") from None
    return target


def _compile(compiler: str, library: Path) -> None:
    command = [compiler, *_FLAGS, str(_SOURCE), "-o", str(library)]
    environment = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=_COMPILE_SECONDS, check=False
    )
    if done.returncode:
        first = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr.strip()[:500])
        msg = f"gcc cannot compile the counter of emulated instructions (exit code {done.returncode}): {first}"
        raise ToolError(msg, remedy="check that gcc compiles a C11 program on this machine")


def read_counts(file: Path, said: str = "") -> Counts:
    """Read what the plugin wrote.

    Args:
        file: that it wrote.
        said: by QEMU, for the message where it could not count.

    Raises:
        ToolError: the file is missing or cut off: QEMU refused the plugin, or was killed before it ended.
    """
    total, marks, executed = None, [], {}
    try:
        lines = file.read_text().splitlines()
    except OSError:
        lines = []
    for line in lines:
        kind, *numbers = line.split()
        values = [int(number) for number in numbers]
        if kind == "T":
            total = values[0]
        elif kind == "M":
            marks.append((values[0], values[1]))
        else:
            executed[values[0]] = values[1]
    if total is None:
        msg = f"the counter of emulated instructions did not finish{': ' if said else ''}{said}"
        raise ToolError(
            msg, remedy="see that QEMU takes plugins of interface 1, as 7.2 does, and that the disk has room"
        )
    return Counts(total, tuple(marks), executed)
