"""What a device file says of an emulated Linux board: its core, and what Linux would tell of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal, Self

from pydantic import Field, model_validator

from edgebuild.config.parameters import Parameters
from edgebuild.config.quantity import Bytes, BytesPerSecond, Hertz
from edgebuild.config.wording import BadValueError
from edgebuild.device.caches import objection

Core = Literal["cortex-a7", "cortex-a53", "cortex-a72", "cortex-a73", "cortex-a75", "cortex-a76", "kryo"]
"""Cores that QEMU 7.2 has by name, or that execute the same instructions as one of these (`Identity.emulated_by`). Its
`max` is none of them: int8 kernels for SVE and SME give wrong results there."""

_ARMV7 = "half thumb fastmult vfp edsp neon vfpv3 tls vfpv4 idiva idivt vfpd32 lpae"
_ARMV8 = "fp asimd evtstrm crc32 cpuid"
_ARMV82 = "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp"


@dataclass(frozen=True)
class Identity:
    """How a core shows in /proc/cpuinfo: part, variant, revision and implementer of MIDR_EL1, and its features.

    Attributes:
        emulated_by: what QEMU emulates: another core where it does not have this one. Runtimes choose kernels for this
            one, by what /proc/cpuinfo says; of later instructions those of the emulated core are used.
    """

    part: str
    variant: str
    revision: int
    features: str
    emulated_by: str
    implementer: str = "0x41"


IDENTITIES: Mapping[str, Identity] = MappingProxyType(
    {
        "cortex-a7": Identity("0xc07", "0x0", 5, _ARMV7, "cortex-a7"),
        "cortex-a53": Identity("0xd03", "0x0", 4, _ARMV8, "cortex-a53"),
        "cortex-a72": Identity("0xd08", "0x0", 3, _ARMV8, "cortex-a72"),
        "cortex-a73": Identity("0xd09", "0x0", 2, _ARMV8, "cortex-a72"),
        "cortex-a75": Identity("0xd0a", "0x0", 0, _ARMV8, "cortex-a72"),
        "cortex-a76": Identity("0xd0b", "0x4", 1, _ARMV82, "cortex-a76"),
        "kryo": Identity("0x205", "0x1", 1, _ARMV8, "cortex-a72", implementer="0x51"),
    }
)


class Caches(Parameters):
    """Sizes of the caches."""

    l1_data: Bytes = Field(description="of each core")
    l2: Bytes = Field(description="of each core, or shared where there is no third level")
    l3: Bytes | None = Field(default=None, description="shared")


class LinuxBoard(Parameters):
    """Options of the transport `qemu-user`."""

    cpu: Core = Field(description="the core that is emulated; kernels are chosen by it")
    cores: int = Field(default=4, ge=1, le=1024, description="how many the board has")
    python: Literal["python3.11"] = Field(default="python3.11", description="the interpreter that the sysroot has")
    clock: Hertz | None = Field(default=None, gt=0, description="of the board; times are estimated at it")
    memory: Bytes | None = Field(default=None, description="of the board; not enforced")
    memory_bandwidth: BytesPerSecond | None = Field(
        default=None,
        gt=0,
        description="what the board's memory sustains, as STREAM measures it; times are estimated with it",
    )
    caches: Caches | None = Field(default=None, description="of the board; simulated for the estimate of its time")

    @model_validator(mode="after")
    def _can_be_simulated(self) -> Self:
        if self.caches is not None:
            last = "l2" if self.caches.l3 is None else "l3"
            for key in ("l1_data", last):
                reason = objection(self.cpu, getattr(self.caches, key), last=key == last)
                if reason is not None:
                    msg = f"{reason} in a {self.cpu}"
                    raise BadValueError(msg, key=f"caches.{key}", tell_found=True)
        return self


@dataclass(frozen=True)
class System:
    """What runs on a core: programs of 32 or of 64 bits.

    Attributes:
        emulator: QEMU's program.
        machine: as `uname -m` says it.
        debian: Debian's word for it.
        program: the first five bytes of a program, and its bytes 18 and 19.
        processor: what /proc/cpuinfo says under `CPU architecture`.
    """

    emulator: str
    machine: str
    debian: str
    program: tuple[bytes, bytes]
    processor: int


ARM32 = System("qemu-arm", "armv7l", "armhf", (b"\x7fELF\x01", b"\x28\x00"), 7)
ARM64 = System("qemu-aarch64", "aarch64", "arm64", (b"\x7fELF\x02", b"\xb7\x00"), 8)


def system_of(board: LinuxBoard) -> System:
    """The system that the board's core runs here."""
    return ARM32 if board.cpu == "cortex-a7" else ARM64


def cpuinfo(board: LinuxBoard) -> str:
    """The text of /proc/cpuinfo on the board: what runtimes choose their kernels by."""
    identity = IDENTITIES[board.cpu]
    return "".join(
        f"processor\t: {number}\n"
        "BogoMIPS\t: 108.00\n"
        f"Features\t: {identity.features}\n"
        f"CPU implementer\t: {identity.implementer}\n"
        f"CPU architecture: {system_of(board).processor}\n"
        f"CPU variant\t: {identity.variant}\n"
        f"CPU part\t: {identity.part}\n"
        f"CPU revision\t: {identity.revision}\n\n"
        for number in range(board.cores)
    )


def make_root(folder: Path, sysroot: Path, board: LinuxBoard) -> None:
    """Fill `folder` with what the emulator takes for `/`: the sysroot, and the processor that the board has."""
    for entry in sysroot.iterdir():
        (folder / entry.name).symlink_to(entry)
    (folder / "proc").mkdir()
    (folder / "proc" / "cpuinfo").write_text(cpuinfo(board))
