"""The programs outside Python that microcontrollers need: compilers and emulators, and the line that installs each."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from edgebuild.errors import ToolError

APT_LINE = "apt-get install -y --no-install-recommends"

PACKAGES: Mapping[str, str] = MappingProxyType(
    {
        "arm-none-eabi-gcc": "gcc-arm-none-eabi libnewlib-arm-none-eabi",
        "riscv64-unknown-elf-gcc": "gcc-riscv64-unknown-elf picolibc-riscv64-unknown-elf",
        "qemu-system-arm": "qemu-system-arm",
        "qemu-system-riscv32": "qemu-system-misc",
        "gcc": "gcc libc6-dev",
    }
)
"""Program -> the Debian packages it comes with, its C library included."""

PURPOSES: Mapping[str, str] = MappingProxyType(
    {
        "arm-none-eabi-gcc": "compiling for Cortex-M",
        "riscv64-unknown-elf-gcc": "compiling for RISC-V microcontrollers",
        "qemu-system-arm": "emulating Cortex-M",
        "qemu-system-riscv32": "emulating RISC-V microcontrollers",
        "gcc": "compiling the counter of emulated instructions",
    }
)

BOARD_PACKAGES: Mapping[str, str] = MappingProxyType(
    {
        "qemu-aarch64": "qemu-user",
        "qemu-arm": "qemu-user",
        "aarch64-linux-gnu-g++": "g++-aarch64-linux-gnu",
        "llvm-mca-19": "llvm-19",
    }
)
"""The same for emulated Linux boards."""

BOARD_PURPOSES: Mapping[str, str] = MappingProxyType(
    {
        "qemu-aarch64": "emulating 64-bit Arm Linux boards",
        "qemu-arm": "emulating 32-bit Arm Linux boards",
        "aarch64-linux-gnu-g++": "compiling the ExecuTorch runner for 64-bit Arm boards",
        "llvm-mca-19": "estimating the time of 64-bit Arm boards",
    }
)

_SAME_PACKAGE: Mapping[str, str] = MappingProxyType({"llvm-mc-19": "llvm-mca-19"})
"""Program -> the one whose package it comes with."""

_ARM = ("-mthumb",)
_RISCV = ("-march=rv32imc", "-mabi=ilp32", "-mstrict-align", "-msmall-data-limit=0", "--specs=picolibc.specs")


@dataclass(frozen=True)
class Toolchain:
    """How code for one core is compiled.

    Attributes:
        prefix: of the programs: `arm-none-eabi-`.
        flags: that choose the core, its units and the calling convention.
        disassembly: of the disassembler, which takes Helium for instructions of a coprocessor where it is not told.
    """

    prefix: str
    flags: tuple[str, ...]
    disassembly: tuple[str, ...] = ()

    @property
    def compiler(self) -> str:
        """The C compiler's name."""
        return f"{self.prefix}gcc"

    @property
    def disassembler(self) -> str:
        """The disassembler's name; it comes with the compiler."""
        return f"{self.prefix}objdump"


TOOLCHAINS: Mapping[str, Toolchain] = MappingProxyType(
    {
        "cortex-m0plus": Toolchain("arm-none-eabi-", (*_ARM, "-mcpu=cortex-m0plus")),
        "cortex-m3": Toolchain("arm-none-eabi-", (*_ARM, "-mcpu=cortex-m3")),
        "cortex-m4": Toolchain("arm-none-eabi-", (*_ARM, "-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard")),
        "cortex-m7": Toolchain("arm-none-eabi-", (*_ARM, "-mcpu=cortex-m7", "-mfpu=fpv5-d16", "-mfloat-abi=hard")),
        "cortex-m33": Toolchain("arm-none-eabi-", (*_ARM, "-mcpu=cortex-m33", "-mfpu=fpv5-sp-d16", "-mfloat-abi=hard")),
        "cortex-m55": Toolchain(
            "arm-none-eabi-", (*_ARM, "-mcpu=cortex-m55", "-mfloat-abi=hard"), ("-m", "armv8.1-m.main")
        ),
        "rv32imc": Toolchain("riscv64-unknown-elf-", _RISCV),
    }
)
"""Core of a device file -> its compiler."""


def find_program(name: str) -> str:
    """The path of a program of PACKAGES or BOARD_PACKAGES (or one that comes with it).

    Raises:
        ToolError: it is not installed; the remedy is the line that installs it.
    """
    path = shutil.which(name)
    if path is None:
        packages, purposes = {**PACKAGES, **BOARD_PACKAGES}, {**PURPOSES, **BOARD_PURPOSES}
        owner = name if name in packages else _SAME_PACKAGE.get(name, f"{name.rpartition('-')[0]}-gcc")
        msg = f"{name} is missing; it is needed for {purposes[owner]}"
        raise ToolError(msg, remedy=f"{APT_LINE} {packages[owner]}")
    return path


@lru_cache(maxsize=16)
def program_version(path: str) -> str:
    """The version a program says it has, like `7.2.22`.

    Raises:
        ToolError: it cannot be started, or says none.
    """
    try:
        done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=30, check=False)
    except OSError as error:
        msg = f"{path} cannot be started: {error.strerror}"
        raise ToolError(msg, remedy="install it again") from None
    found = re.search(r"\d+(?:\.\d+)+", done.stdout)
    if found is None:
        msg = f"{path} --version says no version: {(done.stdout or done.stderr).strip()[:200]}"
        raise ToolError(msg, remedy="install it again")
    return found.group()
