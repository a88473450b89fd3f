"""What a device file says of an emulated microcontroller: its core, QEMU's machine that has it, and its memory."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from edgebuild.config.fields import Address
from edgebuild.config.parameters import Parameters
from edgebuild.config.quantity import Bytes

Core = Literal["cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55", "rv32imc"]


class Memory(Parameters):
    """One memory of the emulated machine."""

    origin: Address = Field(description="its first address")
    length: Bytes = Field(
        description="what the emulated machine has; a target's own limit is set when firmware is linked"
    )


class SystemBoard(Parameters):
    """Options of the transport `qemu-system`."""

    core: Core = Field(description="the core that code is compiled for")
    machine: str = Field(description="the machine of QEMU, as `-M` takes it")
    cpu: str | None = Field(
        default=None, description="the core that QEMU emulates where it is another, as `-cpu` takes it"
    )
    flash: Memory = Field(description="where code and constants go")
    ram: Memory = Field(
        description="where everything else goes; the first MiB below it must be free for the stack's guard"
    )
    vectors: Address | None = Field(
        default=None, description="where the core starts, if that is not the start of flash"
    )

    @property
    def emulator(self) -> str:
        """The program that emulates this board."""
        return "qemu-system-riscv32" if self.core.startswith("rv32") else "qemu-system-arm"
