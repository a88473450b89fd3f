"""Emulated Linux boards for tests: skipped where emulator or sysroot cannot be had, except where a CI job runs."""

from __future__ import annotations

import os
import shutil
from functools import cache

import pytest

from edgebuild.device.sysroot import COMMAND, sysroot
from edgebuild.device.toolchain import APT_LINE
from edgebuild.errors import ToolError


@cache
def missing(architecture: str) -> str:
    """Why there is no emulated board here; empty where there is one."""
    if "CI" in os.environ:
        return ""
    if shutil.which("qemu-aarch64") is None:
        return f"no emulator of Arm Linux boards; as root: {APT_LINE} qemu-user"
    try:
        sysroot(architecture)
    except ToolError as error:
        return f"no sysroot for Arm Linux boards ({error.message}); {COMMAND}"
    return ""


def skip_without_boards(architecture: str = "arm64") -> None:
    """Skip the running test where there is no emulated board; `armhf` is one of 32 bits."""
    if missing(architecture):
        pytest.skip(missing(architecture))
