"""The plugins of QEMU: compiled on demand; and what the one that counts instructions writes, read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgebuild.device.compiled_once import compiled_once, run_compiler
from edgebuild.device.toolchain import find_program
from edgebuild.errors import ToolError

_NATIVE = Path(__file__).parent / "native"
_INTERFACE = _NATIVE / "plugin_interface.h"
_FLAGS = ("-std=c11", "-O2", "-shared", "-fPIC", "-fvisibility=hidden")


@dataclass(frozen=True)
class Counts:
    """What the plugin counted in one run.

    Attributes:
        total: instructions executed from reset to the end.
        marks: (address, instructions executed before it) for each time a marked instruction was reached, in order.
        executed: address -> how often the instruction there was executed; sorted by address. Empty where only totals
            were counted.
        calls: (number, instructions executed until then) for each time a program under Linux asked, in order: by
            sched_get_priority_max(0x5eed0000 + number), which fails.
    """

    total: int
    marks: tuple[tuple[int, int], ...]
    executed: dict[int, int]
    calls: tuple[tuple[int, int], ...] = ()


def build_plugin(qemu_version: str, name: str = "count-instructions") -> Path:
    """Return a plugin for this machine, compiling it (about a second) if nobody did before.

    Args:
        qemu_version: it is for.
        name: `count-instructions` or `profile-blocks`: its source is below `native/`.

    Raises:
        ToolError: gcc is missing or failed, or the folder cannot be written.
    """
    source = _NATIVE / f"{name.replace('-', '_')}.c"
    depends = (source.read_text(), _INTERFACE.read_text(), qemu_version, *_FLAGS)
    return compiled_once(name, depends, lambda library: _compile(source, library))


def _compile(source: Path, library: Path) -> None:
    command = [find_program("gcc"), *_FLAGS, str(source), "-o", str(library)]
    what = "the counter of emulated instructions"
    run_compiler(command, what, "check that gcc compiles a C11 program on this machine")


def read_counts(file: Path, said: str = "") -> Counts:
    """Read what the plugin wrote.

    Args:
        file: that it wrote.
        said: by QEMU, for the message where it could not count.

    Raises:
        ToolError: the file is missing or cut off: QEMU refused the plugin, or was killed before it ended.
    """
    total, marks, executed, calls = None, [], {}, []
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
        elif kind == "S":
            calls.append((values[0], values[1]))
        else:
            executed[values[0]] = values[1]
    if total is None:
        msg = f"the counter of emulated instructions did not finish{': ' if said else ''}{said}"
        raise ToolError(
            msg, remedy="see that QEMU takes plugins of interface 1, as 7.2 does, and that the disk has room"
        )
    return Counts(total, tuple(marks), executed, tuple(calls))
