"""Programs outside Python."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import dataclass

from edgebuild.device.toolchain import APT_LINE, BOARD_PACKAGES, BOARD_PURPOSES, PACKAGES, PURPOSES
from edgebuild.doctor.check import Check

VERSION_TIMEOUT_SECONDS = 10.0


@dataclass(frozen=True)
class Program:
    """A program, the argument that makes it say its version, and what it is for."""

    name: str
    version_argument: str
    required: bool
    purpose: str
    remedy: str


PROGRAMS = (
    Program("g++", "--version", True, "compiling the ExecuTorch runner", "apt-get install g++"),
    Program("edgetpu_compiler", "--version", False, "mapping a file to the Edge TPU", "install it from its vendor"),
    Program("adb", "--version", False, "reaching Android phones", "apt-get install adb"),
    Program("chromium", "--version", False, "the browser test of the report", "apt-get install chromium"),
    *(Program(name, "--version", False, PURPOSES[name], f"{APT_LINE} {PACKAGES[name]}") for name in PACKAGES),
    *(
        Program(name, "--version", False, BOARD_PURPOSES[name], f"{APT_LINE} {BOARD_PACKAGES[name]}")
        for name in BOARD_PACKAGES
    ),
)


def examine_programs(programs: tuple[Program, ...] = PROGRAMS) -> list[Check]:
    """Return one check per program: whether it is on PATH, and the version it says it has."""
    return [_check(program) for program in programs]


def _check(program: Program) -> Check:
    found = _version(program) if shutil.which(program.name) else None
    return Check(
        group="program",
        name=program.name,
        wanted="any",
        found=found,
        state="missing" if found is None else "ok",
        required=program.required,
        purpose=program.purpose,
        remedy=program.remedy,
    )


def _version(program: Program) -> str:
    """The first number with a dot in what the program says; `there` where it says none."""
    try:
        completed = subprocess.run(
            [program.name, program.version_argument],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=VERSION_TIMEOUT_SECONDS,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return "there"
    number = re.search(r"\d+(?:\.\d+)+", completed.stdout + completed.stderr)
    return number.group() if number else "there"
