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
from edgebuild.device.on_device import command
from edgebuild.device.remote import OWN_SECONDS, STOP_SECONDS, RemoteTransport
from edgebuild.device.ssh_connect import connect, library
from edgebuild.device.ssh_options import SshOptions
from edgebuild.device.transport import Completed, Transport, TransportKind
from edgebuild.errors import DeviceError


class SshTransport(RemoteTransport):
    """A Linux device to which asyncssh connects, in an event loop of its own."""

    def __init__(self, device: str, options: SshOptions) -> None:
        super().__init__(device, options.login, options.folder)
        self.options = options
        self._loop = EventLoopThread()
        self._connections: list[Any] = []
        try:
            self._loop.run(self._open())
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the connection; the device removes the work folder."""
        if self._connections:
            self._loop.run(self._close())
        self._loop.close()

    def _command(self, name: str, arguments: Sequence[str], timeout: float, shown: str) -> Completed:
        return self._loop.run(self._run(name, arguments, timeout, shown))

    def _put(self, files: Sequence[tuple[Path, str]]) -> None:
        for source, destination in files:
            self._loop.run(self._send(source, destination))

    def _get(self, source: str, destination: Path) -> None:
        self._loop.run(self._receive(source, destination))

    async def _open(self) -> None:
        self._connections = await connect(self.device, self.options)
        async with self._spoken("open a work folder"):
            ssh = library()
            connection = self._connections[0]
            self._keeper = await connection.create_process(command("keep", self.base), encoding=None)
            line = await asyncio.wait_for(self._keeper.stdout.readline(), OWN_SECONDS)
            if not line:
                done = await self._keeper.wait()
                raise self._no_folder(Completed(done.exit_status or 0, b"", done.stderr, 0.0))
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
                raise self._late(shown, timeout) from None
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

    async def _send(self, source: Path, destination: str) -> None:
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
                listing = await self._connections[0].run(f"df -Pk {self.base}", encoding=None)
                # Servers of protocol 3 say only `Failure`: the device knows its room.
                raise self._not_copied(source, listing.stdout, str(error)) from None

    async def _receive(self, source: str, destination: Path) -> None:
        ssh = library()
        async with self._spoken(f"copy {source} from there"):
            try:
                await self._files.get(source, str(destination), recurse=True, preserve=True)
            except ssh.SFTPNoSuchFile:
                raise self._absent(source, destination) from None

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


def _open(device: str, options: SshOptions) -> Transport:
    return SshTransport(device, options)


def _address(_device: str, options: SshOptions) -> str:
    return f"ssh-{options.host}-{options.port}"


TRANSPORTS.register("ssh")(TransportKind("a Linux device over ssh", SshOptions, _open, _address))
