"""The transport `qemu-user`: programs of an Arm Linux board, run by QEMU instruction by instruction.

The kernel is this machine's own: QEMU translates the program's instructions, and hands on what it asks of the kernel.
Files are this machine's too, except what the sysroot has. Time passes as it does here and says nothing about the board;
the instructions are exactly those that the board would execute.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from edgebuild.config.device import Device
from edgebuild.config.registries import TRANSPORTS
from edgebuild.device.emulated import EmulatedBoard, board_options
from edgebuild.device.linux_board import ARM64, IDENTITIES, LinuxBoard, make_root, system_of
from edgebuild.device.qemu_plugin import Counts, build_plugin, read_counts
from edgebuild.device.qemu_profile import BlockProfile, cache_arguments, read_profile
from edgebuild.device.scratch import Scratch
from edgebuild.device.sysroot import sysroot
from edgebuild.device.transport import Completed, Transport, TransportKind
from edgebuild.errors import DeviceError

EMULATOR = ARM64.emulator
QEMU_USER = "qemu-user"
"""The transport of boards whose programs are emulated, and whose time is estimated from instructions."""

_COUNTS, _PROFILE = "instruction-counts.txt", "block-profile.txt"
ENVIRONMENT: Mapping[str, str] = MappingProxyType(
    {
        "PATH": "/usr/bin:/bin",
        "LC_ALL": "C.UTF-8",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
)
"""All that a program finds: the same on every machine, so that it does the same."""


class QemuUserTransport(EmulatedBoard):
    """Runs programs on a board of its own: every connection emulates another one, so that nobody has to wait."""

    def __init__(self, device: str, board: LinuxBoard) -> None:
        self.system = system_of(board)
        super().__init__(device, self.system.emulator)
        self.board = board
        self.sysroot = sysroot(self.system.debian)
        self._root = Scratch("root")
        make_root(self._root.path, self.sysroot.folder, board)

    def run(self, argv: Sequence[str], timeout: float) -> Completed:
        """Run a program of the working folder (`./program`) or of the sysroot (`python3`)."""
        return self._run(argv, timeout, ())

    def run_counted(self, argv: Sequence[str], timeout: float) -> tuple[Completed, Counts]:
        """Like `run`, and count every instruction; `Counts.calls` has the totals where the program asked for them.

        Raises:
            ToolError: the counter cannot be compiled or did not finish.
            DeviceError: as of `run`.
        """
        completed = self._run(argv, timeout, self._plugin("count-instructions", _COUNTS, "totals=on"))
        said = completed.stderr.decode(errors="replace").strip()[-300:]
        return completed, read_counts(self.folder / _COUNTS, said)

    def run_profiled(
        self, argv: Sequence[str], timeout: float, marks: tuple[int, int], less: tuple[int, int]
    ) -> tuple[Completed, BlockProfile]:
        """Like `run`, and profile the program with the board's caches.

        Args:
            argv: as of `run`.
            timeout: as of `run`.
            marks: the profile is of what is executed from the first to the second of them.
            less: two later marks with nothing between them: what making marks costs is subtracted.

        Raises:
            ToolError: the profiler cannot be compiled, or the program never came to the last mark.
            DeviceError: as of `run`.
        """
        places = zip(("from", "to", "less_from", "less_to"), (*marks, *less), strict=True)
        arguments = (*(f"{name}={mark}" for name, mark in places), *cache_arguments(self.board))
        completed = self._run(argv, timeout, self._plugin("profile-blocks", _PROFILE, *arguments))
        said = completed.stderr.decode(errors="replace").strip()[-300:]
        return completed, read_profile(self.folder / _PROFILE, said)

    def _plugin(self, name: str, output: str, *arguments: str) -> tuple[str, str]:
        """How QEMU is told to load a plugin that writes to `output`; a comma in a path is written twice."""
        paths = [str(path).replace(",", ",,") for path in (build_plugin(self.version, name), self.folder / output)]
        return "-plugin", ",".join((paths[0], f"out={paths[1]}", *arguments))

    def properties(self) -> dict[str, str]:
        """What is emulated, and by what."""
        here = self._host.properties()
        memory = str(self.board.memory // 1024) if self.board.memory else here["memory_kib"]
        return {
            "cpu": self.board.cpu,
            "cores": str(self.board.cores),
            "architecture": self.system.machine,
            "kernel": here["kernel"],
            "memory_kib": memory,
            "qemu": self.version,
            "emulated": "true",
        }

    def close(self) -> None:
        """Remove the working folder, and the system below which programs ran."""
        super().close()
        self._root.close()

    def _run(self, argv: Sequence[str], timeout: float, extra: Sequence[str]) -> Completed:
        program = self._program(argv[0])
        variables = [f"{key}={value}" for key, value in {**ENVIRONMENT, "PYTHONPATH": str(self.sysroot.wheels)}.items()]
        emulator = [self.emulator, "-cpu", IDENTITIES[self.board.cpu].emulated_by, "-L", str(self._root.path), *extra]
        try:
            return self._host.run(["env", "-i", *variables, *emulator, str(program), *argv[1:]], timeout)
        except DeviceError as error:
            raise DeviceError(error.message.replace("'env'", repr(argv[0])), remedy=error.remedy) from None

    def _program(self, name: str) -> Path:
        """The file of a program: of the sysroot where it is a bare name, as a shell would find it."""
        file = self.folder / name
        if "/" not in name:
            found = [self.sysroot.folder / part / name for part in ("usr/bin", "bin")]
            file = next((path for path in found if path.exists()), file)
        try:
            with file.open("rb") as stream:
                head = stream.read(20)
        except OSError as error:
            msg = f"device {self.device!r}: cannot start {name!r}: {error.strerror}"
            raise DeviceError(msg, remedy="push the program first and name it ./program") from None
        if (head[:5], head[18:20]) != self.system.program:
            msg = f"device {self.device!r}: cannot start {name!r}: it is no program for {self.system.machine}"
            raise DeviceError(
                msg, remedy="push the program that was built for this device; scripts need their interpreter"
            )
        return file


def linux_board_of(device: Device) -> LinuxBoard:
    """The typed options of a device whose transport is `qemu-user`.

    Raises:
        ConfigError: the device is reached in another way.
    """
    return board_options(device, QEMU_USER, LinuxBoard, "Linux board", "raspberry-pi-4-emulated")


def _open(device: str, parameters: LinuxBoard) -> Transport:
    return QemuUserTransport(device, parameters)


TRANSPORTS.register(QEMU_USER)(
    TransportKind(
        "an Arm Linux board emulated by QEMU",
        LinuxBoard,
        _open,
        lambda _device, _parameters: None,
        {"instructions": "emulated", **dict.fromkeys(("latency", "latency_all_cores"), "estimated")},
    )
)
