"""The instructions of a firmware, from the disassembler that comes with its compiler."""

from __future__ import annotations

import subprocess
from pathlib import Path

from edgebuild.device.toolchain import TOOLCHAINS, find_program
from edgebuild.errors import ToolError
from edgebuild.estimate.disassembly import Instruction, parse_disassembly


def disassemble(elf: Path, core: str) -> list[Instruction]:
    """The instructions of an image for a core of TOOLCHAINS, by address.

    Raises:
        ToolError: the disassembler is missing or cannot read the file.
    """
    toolchain = TOOLCHAINS[core]
    program = find_program(toolchain.disassembler)
    done = subprocess.run(
        [program, "-d", *toolchain.disassembly, str(elf)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        msg = f"{program} cannot read {elf}: {done.stderr.strip()[:300]}"
        raise ToolError(msg, remedy="build the firmware again")
    return parse_disassembly(done.stdout)
