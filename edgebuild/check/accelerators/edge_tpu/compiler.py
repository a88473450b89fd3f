"""The real Edge TPU compiler, where it is on PATH. It was never there when this was written: see docs/edge-tpu.md."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from dataclasses import dataclass
from pathlib import Path

from edgebuild.check.accelerators.edge_tpu.compiler_log import CompilerLog, parse_log
from edgebuild.errors import ToolError

PROGRAM = "edgetpu_compiler"
COMPILE_SECONDS = 180
_GRACE_SECONDS = 60
_VERSION_SECONDS = 30


@dataclass(frozen=True)
class Compiled:
    """What the compiler made: the file (in the folder it was asked for) and what it said."""

    file: Path
    log: CompilerLog


def compiler_version() -> str | None:
    """The version that the compiler on PATH states; None where there is none."""
    path = shutil.which(PROGRAM)
    if path is None:
        return None
    try:
        done = subprocess.run(
            [path, "--version"], capture_output=True, text=True, errors="replace", timeout=_VERSION_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return "unknown"
    found = re.search(r"\d+(?:\.\d+)+", done.stdout + done.stderr)
    return found.group() if found else "unknown"


def compile_file(file: Path, output: Path, seconds: float = COMPILE_SECONDS + _GRACE_SECONDS) -> Compiled | None:
    """Compile `file` into the folder `output`; None where the compiler is not on PATH.

    Raises:
        ToolError: it failed, crashed, made no file, or took too long and was ended.
    """
    path = shutil.which(PROGRAM)
    if path is None:
        return None
    command = [path, "-s", "-t", str(COMPILE_SECONDS), "-o", str(output), str(file)]
    said, code = _run(command, seconds)
    if code < 0:
        last = next((line.strip() for line in reversed(said.splitlines()) if line.strip()), "nothing")
        msg = f"{PROGRAM} crashed: it {_ended(code)}; it said: {last}"
        raise ToolError(msg, remedy="run it by hand: " + " ".join(command))
    log = parse_log(said, _ended(code))
    made = output / f"{file.stem}_edgetpu.tflite"
    if not made.is_file():
        how = f", and {_ended(code)}" if code else ""
        msg = f"{PROGRAM} {log.version} wrote no {made.name}{how}"
        raise ToolError(msg, remedy="run it by hand: " + " ".join(command))
    return Compiled(made, log)


def _ended(code: int) -> str:
    """How a program ended that should have ended with 0: `was ended by signal 11 (SIGSEGV)`; empty for 0."""
    if code >= 0:
        return f"ended with exit code {code}" if code else ""
    try:
        name = f" ({signal.Signals(-code).name})"
    except ValueError:
        name = ""
    return f"was ended by signal {-code}{name}"


def _run(command: list[str], seconds: float) -> tuple[str, int]:
    """What it printed, and its exit code: minus the signal that ended it, where one did.

    It runs with what it starts in a process group of its own, so that a compilation that hangs leaves nothing.
    """
    try:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        msg = f"{command[0]} cannot be started: {error.strerror}"
        raise ToolError(msg, remedy="install it again, or take it off PATH for the offline check") from None
    try:
        said, _ = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        msg = f"{PROGRAM} took more than {seconds:g} s and was ended"
        raise ToolError(msg, remedy="the model may be too large for it: inspect it, and shrink or cut it") from None
    return said, process.returncode
