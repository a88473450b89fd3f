"""What all devices that are reached over a wire have in common: a work folder there, and the script that acts in it.

`native/on_device.sh` does on the device what we ask for; a transport says how a command gets there, and how files do.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path

from edgebuild.device.linux_facts import read_facts
from edgebuild.device.on_device import inside, owner, require_no_complaint
from edgebuild.device.transport import Completed
from edgebuild.errors import DeviceError

OWN_SECONDS = 30.0
"""What our own commands on the device may take."""
STOP_SECONDS = 10.0
"""What it may take until a program that was stopped is gone."""
IDLE_SECONDS = 600.0
"""How long a device stays ours after a use, to other machines that reach it."""


class RemoteTransport(ABC):
    """Runs programs in a work folder of its own on the device.

    A process there keeps the folder and removes it when the connection ends, also where this side is killed; programs
    end with the connection that started them.

    Attributes:
        device: name of the device file.
        reached: how, for messages: `pi@board:22`.
        base: folder on the device below which work folders are made.
        folder: the work folder, once the connection is open.
    """

    folder: str

    def __init__(self, device: str, reached: str, base: str) -> None:
        self.device = device
        self.reached = reached
        self.base = base
        self._token = 0
        self._ledger = ""

    def push(self, source: Path, destination: str) -> None:
        """Copy a file or folder into the work folder; a file is there whole or not at all."""
        files = [(source, destination)]
        if source.is_dir():
            files = [
                (path, f"{destination}/{path.relative_to(source).as_posix()}")
                for path in sorted(source.rglob("*"))
                if path.is_file()
            ]
        elif not source.is_file():
            raise self._absent(source, destination)
        self._put([(file, inside(self.device, self.folder, name)) for file, name in files])

    def pull(self, source: str, destination: Path) -> None:
        """Copy a file or folder out of the work folder."""
        destination.parent.mkdir(parents=True, exist_ok=True)
        self._get(inside(self.device, self.folder, source), destination)

    def run(self, argv: Sequence[str], timeout: float) -> Completed:
        """Run a program in the work folder; whatever it started is dead when this returns."""
        seconds = str(int(timeout + STOP_SECONDS + IDLE_SECONDS))
        arguments = (self.base, self.folder, str(self._token), owner(self.reached, self._ledger), seconds, *argv)
        completed = self._command("run", arguments, timeout, argv[0])
        require_no_complaint(self.device, completed)
        return completed

    def properties(self) -> dict[str, str]:
        """What the kernel of the device tells, and Android where it is one."""
        completed = self._command("facts", ("",), OWN_SECONDS, "sh")
        require_no_complaint(self.device, completed)
        return read_facts(completed.stdout.decode(errors="replace"))

    def fence(self, token: int, ledger: str, seconds: float) -> None:
        """Have the device alone also among other machines; what an earlier lease left there is ended.

        Raises:
            DeviceBusyError: a job has it whose lease is not of this ledger: of another machine, or by another name.
            DeviceError: a later lease has it.
        """
        arguments = (self.base, self.folder, str(token), owner(self.reached, ledger), str(int(seconds)))
        require_no_complaint(self.device, self._command("fence", arguments, OWN_SECONDS, "sh"))
        self._token, self._ledger = token, ledger

    @abstractmethod
    def close(self) -> None:
        """End the connection; the device removes the work folder."""

    @abstractmethod
    def _command(self, name: str, arguments: Sequence[str], timeout: float, shown: str) -> Completed:
        """Run a command of the script, called `shown` in messages; its stdin ends with `timeout` or with this side."""

    @abstractmethod
    def _put(self, files: Sequence[tuple[Path, str]]) -> None:
        """Copy files to absolute paths there; folders on the way are made."""

    @abstractmethod
    def _get(self, source: str, destination: Path) -> None:
        """Copy a file or folder from an absolute path there."""

    def _absent(self, source: Path | str, destination: Path | str) -> DeviceError:
        return self._not_fetched(source, destination, "No such file or directory")

    def _not_fetched(self, source: Path | str, destination: Path | str, why: str) -> DeviceError:
        msg = f"device {self.device!r}: cannot copy {source} to {destination}: {why}"
        return DeviceError(msg, remedy="see that the step before made it")

    def _no_folder(self, completed: Completed) -> DeviceError:
        require_no_complaint(self.device, completed)
        said = completed.stderr.decode(errors="replace").strip()
        msg = f"device {self.device!r}: no work folder: {said}"
        return DeviceError(msg, remedy=f"see that the login has a POSIX shell, and may write to {self.base}")

    def _not_copied(self, source: Path, listing: bytes, why: str) -> DeviceError:
        """The error of a file that did not arrive; `listing` is what `df -Pk` says of the folder."""
        rows = listing.decode(errors="replace").split()
        free = int(rows[-3]) if len(rows) > 6 and rows[-3].isdigit() else None
        size = source.stat().st_size
        if free is not None and free * 1024 < size:
            msg = f"device {self.device!r} is full: {free} KiB free, {source.name} has {size // 1024} KiB"
            return DeviceError(msg, remedy="make room there, or name a folder on another disk in its file")
        msg = f"device {self.device!r}: cannot copy {source} there: {why}"
        return DeviceError(msg, remedy="see that the login may write to its folder, and that the disk has room")

    def _late(self, shown: str, timeout: float) -> DeviceError:
        msg = f"device {self.device!r}: {shown!r} did not end within {timeout:g} s, and was stopped"
        return DeviceError(msg, remedy="allow it more time, or look why it hangs")

    def _gone(self, what: str, error: Exception | None) -> DeviceError:
        why = f": {error}" if error and str(error) else ""
        msg = f"device {self.device!r} is gone: the connection to {self.reached} broke while it was to {what}{why}"
        return DeviceError(msg, remedy="see that it is switched on and connected, and start again")
