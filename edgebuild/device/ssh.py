"""The transport `ssh`: a Linux device with an ssh server."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from edgebuild.config.registries import TRANSPORTS
from edgebuild.device.event_loop import EventLoopThread
from edgebuild.device.linux_facts import read_facts
from edgebuild.device.on_device import command, inside, owner, require_no_complaint
from edgebuild.device.ssh_connect import connect, library
from edgebuild.device.ssh_options import SshOptions
from edgebuild.device.transport import Completed, Transport, TransportKind
from edgebuild.errors import DeviceError

OWN_SECONDS = 30.0
"""What our own commands on the device may take."""
STOP_SECONDS = 10.0
"""What it may take until a program that was stopped is gone."""
IDLE_SECONDS = 600.0
"""How long a device stays ours after a use, to other machines that reach it."""


class SshTransport:
    """Runs programs in a work folder of its own on the device.

    A process there keeps the folder and removes it when the connection ends, also where this side is killed; programs
    end with the connection that started them.
    """

    def __init__(self, device: str, options: SshOptions) -> None:
        self.device = device
        self.options = options
        self._token = 0
        self._loop = EventLoopThread()
        self._connections: list[Any] = []
        try:
            self._loop.run(self._open())
        except BaseException:
            self.close()
            raise

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
            msg = f"device {self.device!r}: cannot copy {source} to {destination}: No such file or directory"
            raise DeviceError(msg, remedy="see that the step before made it")
        for file, name in files:
            self._loop.run(self._put(file, inside(self.device, self.folder, name)))

    def pull(self, source: str, destination: Path) -> None:
        """Copy a file or folder out of the work folder."""
        destination.parent.mkdir(parents=True, exist_ok=True)
        self._loop.run(self._get(inside(self.device, self.folder, source), destination))

    def run(self, argv: Sequence[str], timeout: float) -> Completed:
        """Run a program in the work folder; whatever it started is dead when this returns."""
        seconds = str(int(timeout + STOP_SECONDS + IDLE_SECONDS))
        arguments = (self.options.folder, self.folder, str(self._token), owner(), seconds, *argv)
        completed = self._loop.run(self._run("run", arguments, timeout, argv[0]))
        require_no_complaint(self.device, completed)
        return completed

    def properties(self) -> dict[str, str]:
        """What the kernel of the device tells."""
        completed = self._loop.run(self._run("facts", ("",), OWN_SECONDS, "sh"))
        require_no_complaint(self.device, completed)
        return read_facts(completed.stdout.decode(errors="replace"))

    def fence(self, token: int, seconds: float) -> None:
        """Have the device alone also among other machines; what an earlier lease left there is ended.

        Raises:
            DeviceError: another machine has it, or a later lease of this one.
        """
        arguments = (self.options.folder, self.folder, str(token), owner(), str(int(seconds)))
        require_no_complaint(self.device, self._loop.run(self._run("fence", arguments, OWN_SECONDS, "sh")))
        self._token = token

    def close(self) -> None:
        """End the connection; the device removes the work folder."""
        if self._connections:
            self._loop.run(self._close())
        self._loop.close()

    async def _open(self) -> None:
        self._connections = await connect(self.device, self.options)
        async with self._spoken("open a work folder"):
            ssh = library()
            connection = self._connections[0]
            self._keeper = await connection.create_process(command("keep", self.options.folder), encoding=None)
            line = await asyncio.wait_for(self._keeper.stdout.readline(), OWN_SECONDS)
            if not line:
                done = await self._keeper.wait()
                require_no_complaint(self.device, Completed(done.exit_status or 0, b"", done.stderr, 0.0))
                msg = f"device {self.device!r}: no work folder: {done.stderr.decode(errors='replace').strip()}"
                raise DeviceError(msg, remedy="see that the login has a POSIX shell and a home it may write to")
            self.folder = line.decode().strip()
            try:
                self._files = await connection.start_sftp_client()
            except ssh.ChannelOpenError as error:
                msg = f"device {self.device!r}: no file transfer: {error}"
                raise DeviceError(msg, remedy="let its ssh server have a subsystem sftp") from None

    async def _run(self, name: str, arguments: Sequence[str], timeout: float, shown: str) -> Completed:
        async with self._spoken(f"run {shown!r}"):
            start = time.perf_counter()
            process = await self._connections[0].create_process(command(name, *arguments), encoding=None)
            # Collected in tasks of their own, because an end of stdin is what stops the program.
            streams = asyncio.gather(process.stdout.read(), process.stderr.read())
            try:
                stdout, stderr = await asyncio.wait_for(asyncio.shield(streams), timeout)
            except TimeoutError:
                await self._stop(process, streams)
                msg = f"device {self.device!r}: {shown!r} did not end within {timeout:g} s, and was stopped"
                raise DeviceError(msg, remedy="allow it more time, or look why it hangs") from None
            finally:
                with contextlib.suppress(OSError):
                    process.stdin.write_eof()
            await process.wait_closed()
            if process.exit_status is None:
                what = f"run {shown!r}"
                raise self._gone(what, None)
            return Completed(process.exit_status, stdout, stderr, time.perf_counter() - start)

    async def _stop(self, process: Any, streams: Any) -> None:
        process.stdin.write_eof()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(streams, STOP_SECONDS)

    async def _put(self, source: Path, destination: str) -> None:
        ssh = library()
        async with self._spoken(f"copy {source} there"):
            aside = f"{destination}.part"
            try:
                await self._files.makedirs(str(PurePosixPath(destination).parent), exist_ok=True)
                await self._files.put(str(source), aside, preserve=True)
                await self._files.posix_rename(aside, destination)
            except ssh.SFTPError as error:
                with contextlib.suppress(ssh.SFTPError):
                    await self._files.remove(aside)
                raise await self._not_copied(source, error) from None

    async def _get(self, source: str, destination: Path) -> None:
        ssh = library()
        async with self._spoken(f"copy {source} from there"):
            try:
                await self._files.get(source, str(destination), recurse=True, preserve=True)
            except ssh.SFTPNoSuchFile:
                msg = f"device {self.device!r}: cannot copy {source} to {destination}: No such file or directory"
                raise DeviceError(msg, remedy="see that the step before made it") from None

    async def _not_copied(self, source: Path, error: Exception) -> DeviceError:
        """Servers of protocol 3 say only `Failure`: ask the device for its room."""
        listing = await self._connections[0].run(f"df -Pk {self.options.folder}", encoding=None)
        rows = listing.stdout.decode(errors="replace").split()
        free = int(rows[-3]) if len(rows) > 6 and rows[-3].isdigit() else None
        size = source.stat().st_size
        if free is not None and free * 1024 < size:
            msg = f"device {self.device!r} is full: {free} KiB free, {source.name} has {size // 1024} KiB"
            return DeviceError(msg, remedy="make room there, or name a folder on another disk in its file")
        msg = f"device {self.device!r}: cannot copy {source} there: {error}"
        return DeviceError(msg, remedy="see that the login may write to its folder, and that the disk has room")

    async def _close(self) -> None:
        with contextlib.suppress(AttributeError, OSError):
            self._keeper.stdin.write_eof()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._keeper.wait_closed(), STOP_SECONDS)
        for connection in self._connections:
            connection.close()
            with contextlib.suppress(TimeoutError, OSError):
                await asyncio.wait_for(connection.wait_closed(), STOP_SECONDS)

    @contextlib.asynccontextmanager
    async def _spoken(self, what: str) -> AsyncIterator[None]:
        """A connection that breaks is a device that is gone."""
        ssh = library()
        try:
            yield
        except (
            ssh.DisconnectError,
            ssh.SFTPNoConnection,
            ssh.SFTPConnectionLost,
            ssh.ChannelOpenError,
            OSError,
        ) as error:
            raise self._gone(what, error) from None

    def _gone(self, what: str, error: Exception | None) -> DeviceError:
        why = f": {error}" if error and str(error) else ""
        msg = (
            f"device {self.device!r} is gone: the connection to {self.options.login} broke while it was to {what}{why}"
        )
        return DeviceError(msg, remedy="see that it is switched on and in this network, and start again")


def _open(device: str, options: SshOptions) -> Transport:
    return SshTransport(device, options)


def _address(_device: str, options: SshOptions) -> str:
    return f"ssh-{options.host}-{options.port}"


TRANSPORTS.register("ssh")(TransportKind("a Linux device over ssh", SshOptions, _open, _address))
