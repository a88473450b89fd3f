"""The transport `qemu-system`: a microcontroller that QEMU emulates, firmware and all.

A bare-metal device has no shell and no programs of its own. What is run is a firmware image: `argv[0]` is an ELF file
in the working folder, and all of `argv` its semihosting command line. Firmware opens files of the working folder
through semihosting; so `push` and `pull` work on that folder, and inputs take no flash.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from edgebuild.config.device import Device
from edgebuild.config.registries import TRANSPORTS
from edgebuild.device.emulated import EmulatedBoard, board_options
from edgebuild.device.qemu_board import SystemBoard
from edgebuild.device.qemu_plugin import Counts, build_plugin, read_counts
from edgebuild.device.transport import Completed, Transport, TransportKind
from edgebuild.errors import DeviceError

_COUNTS = "instruction-counts.txt"
_ELF = b"\x7fELF"


class QemuSystemTransport(EmulatedBoard):
    """Runs firmware on a board of its own: every connection emulates another one, so that nobody has to wait."""

    def __init__(self, device: str, board: SystemBoard) -> None:
        super().__init__(device, board.emulator)
        self.board = board

    def run(self, argv: Sequence[str], timeout: float) -> Completed:
        """Run firmware until it ends itself through semihosting; its console arrives on stdout."""
        return self._run(argv, timeout, ())

    def run_counted(self, argv: Sequence[str], timeout: float, marks: Iterable[int] = ()) -> tuple[Completed, Counts]:
        """Like `run`, and count every instruction; `marks` are addresses at which the running total is wanted.

        Raises:
            ToolError: the counter cannot be compiled or did not finish.
            DeviceError: as of `run`, and where the core locked up.
        """
        plugin = build_plugin(self.version)
        arguments = [f"out={_COUNTS}", *(f"mark={address:#x}" for address in sorted(set(marks)))]
        completed = self._run(argv, timeout, ("-plugin", ",".join([str(plugin).replace(",", ",,"), *arguments])))
        self._require_alive(completed)
        return completed, read_counts(self.folder / _COUNTS, completed.stderr.decode(errors="replace").strip()[-300:])

    def properties(self) -> dict[str, str]:
        """What is emulated, and by what; `cpu` is the core that code is compiled for."""
        memory = self.board.flash.length + self.board.ram.length
        return {
            "cpu": self.board.core,
            "cores": "1",
            "architecture": "riscv32" if self.board.core.startswith("rv32") else "armv-m",
            "kernel": "none",
            "memory_kib": str(memory // 1024),
            "machine": self.board.machine,
            "qemu": self.version,
            "emulated": "true",
        }

    def _run(self, argv: Sequence[str], timeout: float, extra: Sequence[str]) -> Completed:
        self._require_firmware(argv[0])
        words = ",".join(f"arg={word.replace(',', ',,')}" for word in argv)
        cpu = ("-cpu", self.board.cpu) if self.board.cpu else ()
        bios = ("-bios", "none") if self.board.emulator.endswith("riscv32") else ()
        command = [
            *(self.emulator, "-M", self.board.machine, *cpu, *bios),
            *("-display", "none", "-monitor", "none", "-serial", "none"),
            *("-chardev", "stdio,id=console,signal=off"),
            *("-semihosting-config", f"enable=on,target=native,chardev=console,{words}"),
            *("-kernel", argv[0], *extra),
        ]
        try:
            return self._host.run(command, timeout)
        except DeviceError as error:
            raise DeviceError(error.message.replace(self.emulator, argv[0]), remedy=error.remedy) from None

    def _require_alive(self, completed: Completed) -> None:
        """QEMU aborts where the core locks up: a fault within the handler of a fault."""
        if completed.exit_code < 0:
            text = completed.stderr.decode(errors="replace")
            why = next((line for line in text.splitlines() if "ockup" in line), text.strip()[:300])
            msg = f"device {self.device!r}: the emulated core stopped (signal {-completed.exit_code} of QEMU): {why}"
            raise DeviceError(
                msg, remedy="see what the firmware does before that: its vectors or its stack are damaged"
            )

    def _require_firmware(self, name: str) -> None:
        file = self.folder / name
        try:
            with file.open("rb") as stream:
                is_elf = stream.read(4) == _ELF
        except OSError:
            is_elf = False
        if not is_elf:
            msg = f"device {self.device!r}: {name!r} is no firmware image in the working folder"
            raise DeviceError(msg, remedy="an emulated core has no programs of its own: push an ELF file and name it")


def open_board(device: Device) -> QemuSystemTransport:
    """Connect to the emulated board that a device file describes.

    Raises:
        ConfigError: the device is reached in another way.
        ToolError: QEMU is missing.
    """
    return QemuSystemTransport(device.name, board_of(device))


def board_of(device: Device) -> SystemBoard:
    """The typed options of a device whose transport is `qemu-system`.

    Raises:
        ConfigError: the device is reached in another way.
    """
    return board_options(device, "qemu-system", SystemBoard, "microcontroller", "cortex-m4-emulated")


def _open(device: str, parameters: SystemBoard) -> Transport:
    return QemuSystemTransport(device, parameters)


TRANSPORTS.register("qemu-system")(
    TransportKind(
        "a microcontroller emulated by QEMU",
        SystemBoard,
        _open,
        lambda _device, _parameters: None,
        {
            **dict.fromkeys(("instructions", "flash", "ram", "arena", "stack"), "emulated"),
            **dict.fromkeys(("cycles", "latency", "energy"), "estimated"),
        },
    )
)
