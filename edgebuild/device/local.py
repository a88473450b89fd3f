"""The transport `local`: this machine as a device."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from edgebuild.config.parameters import Parameters
from edgebuild.config.registries import TRANSPORTS
from edgebuild.device.guard import Guard
from edgebuild.device.linux_facts import read_facts
from edgebuild.device.on_device import command
from edgebuild.device.scratch import Scratch
from edgebuild.device.transport import Completed, Transport, TransportKind
from edgebuild.errors import DeviceError


class LocalTransport:
    """Runs programs on this machine, in a temporary working folder of its own."""

    def __init__(self, device: str) -> None:
        self.device = device
        self._scratch = Scratch("device")
        self._guard: Guard | None = None

    @property
    def folder(self) -> Path:
        """The working folder."""
        return self._scratch.path

    def push(self, source: Path, destination: str) -> None:
        """Copy a file or folder into the working folder."""
        self._copy(source, self._inside(destination))

    def pull(self, source: str, destination: Path) -> None:
        """Copy a file or folder out of the working folder."""
        self._copy(self._inside(source), destination)

    def run(self, argv: Sequence[str], timeout: float) -> Completed:
        """Run a program in the working folder; whatever it started is dead when this returns."""
        self._guard = self._guard or Guard(self.folder)
        start = time.perf_counter()
        try:
            process = subprocess.Popen(
                list(argv),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            msg = f"device {self.device!r}: cannot start {argv[0]!r}: {error.strerror}"
            raise DeviceError(
                msg, remedy="install the program there, or push one that was built for it and name it ./program"
            ) from None
        with process, self._guard.watching(process.pid):
            try:
                stdout, stderr = process.communicate(timeout=timeout)
            except subprocess.TimeoutExpired:
                msg = f"device {self.device!r}: {argv[0]!r} did not end within {timeout:g} s, and was stopped"
                raise DeviceError(msg, remedy="allow it more time, or look why it hangs") from None
            finally:
                _kill_group(process)
        return Completed(process.returncode, stdout, stderr, time.perf_counter() - start)

    def properties(self) -> dict[str, str]:
        """What the kernel tells about this machine."""
        told = subprocess.run(
            ["sh", "-c", command("facts", "")], capture_output=True, text=True, errors="replace", check=False
        )
        return read_facts(told.stdout)

    def close(self) -> None:
        """Remove the working folder, and end what still runs there."""
        if self._guard is not None:
            self._guard.close()
            self._guard = None
        self._scratch.close()

    def _copy(self, source: Path, destination: Path) -> None:
        try:
            destination.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, destination, dirs_exist_ok=True)
            else:
                shutil.copy2(source, destination)
        except OSError as error:
            msg = f"device {self.device!r}: cannot copy {source} to {destination}: {error.strerror or error}"
            raise DeviceError(msg, remedy="see that the step before made it, and that the disk has room") from None

    def _inside(self, name: str) -> Path:
        path = (self.folder / name).resolve()
        if not path.is_relative_to(self.folder.resolve()):
            msg = f"device {self.device!r}: {name!r} leaves the working folder"
            raise DeviceError(msg, remedy="name a path below it")
        return path


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """End whatever the program left running; it may be that nothing is left."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return


class LocalOptions(Parameters):
    """Options of the transport `local`."""

    python: str | None = Field(
        default=None, description="an interpreter with numpy and LiteRT; default: the one that runs edgebuild"
    )


def _open(device: str, _parameters: Parameters) -> Transport:
    return LocalTransport(device)


TRANSPORTS.register("local")(
    TransportKind("this machine", LocalOptions, _open, lambda _device, _parameters: "this-machine", {})
)
