"""The transport `adb`: an Android device with USB debugging, or anything else that runs adbd."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from edgebuild.config.registries import TRANSPORTS
from edgebuild.device.adb_options import AdbOptions
from edgebuild.device.adb_server import attach, library
from edgebuild.device.adb_streams import FileError, FileStream, ShellStream
from edgebuild.device.on_device import command
from edgebuild.device.remote import OWN_SECONDS, STOP_SECONDS, RemoteTransport
from edgebuild.device.transport import Completed, Transport, TransportKind

Stream = TypeVar("Stream", ShellStream, FileStream)


class AdbTransport(RemoteTransport):
    """A device to which the adb server of this machine connects; every program has a stream of its own."""

    def __init__(self, device: str, options: AdbOptions) -> None:
        super().__init__(device, options.serial, options.folder)
        self.options = options
        self._keeper: ShellStream | None = None
        self._adb = attach(device, options)
        try:
            with self._spoken("open a work folder"):
                self._keep()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """End the connection; the device removes the work folder."""
        if self._keeper is None:
            return
        with contextlib.suppress(OSError, EOFError):
            self._keeper.end_input()
            self._keeper.wait(STOP_SECONDS)
        self._keeper.close()
        self._keeper = None

    def _keep(self) -> None:
        self._keeper = self._start(command("keep", self.base))
        self.folder = self._keeper.first_line(OWN_SECONDS)
        if not self.folder:
            code = self._keeper.wait(OWN_SECONDS)
            raise self._no_folder(Completed(code, b"", bytes(self._keeper.stderr), 0.0))

    def _command(self, name: str, arguments: Sequence[str], timeout: float, shown: str) -> Completed:
        with self._spoken(f"run {shown!r}"):
            start = time.perf_counter()
            stream = self._start(command(name, *arguments))
            try:
                code = stream.wait(timeout)
            except TimeoutError:
                self._stop(stream, shown)
                raise self._late(shown, timeout) from None
            finally:
                stream.close()
            return Completed(code, bytes(stream.stdout), bytes(stream.stderr), time.perf_counter() - start)

    def _stop(self, stream: ShellStream, shown: str) -> None:
        """End a program whose time is over.

        Raises:
            DeviceError: the device does not say that it did.
        """
        stream.end_input()
        try:
            stream.wait(STOP_SECONDS)
        except TimeoutError:
            why = TimeoutError(f"it did not answer for {STOP_SECONDS:g} s")
            what = f"stop {shown!r}"
            raise self._gone(what, why) from None

    def _put(self, files: Sequence[tuple[Path, str]]) -> None:
        with self._spoken("copy files there"), self._file_stream() as stream:
            for source, destination in files:
                try:
                    stream.send(source, destination)
                except FileError as error:
                    listing = self._command("df", ("-Pk", self.base), OWN_SECONDS, "df")
                    raise self._not_copied(source, listing.stdout, str(error)) from None

    def _get(self, source: str, destination: Path) -> None:
        with self._spoken(f"copy {source} from there"), self._file_stream() as stream:
            try:
                stream.receive(source, destination)
            except FileNotFoundError:
                raise self._absent(source, destination) from None
            except FileError as error:
                raise self._not_fetched(source, destination, str(error)) from None

    @contextlib.contextmanager
    def _file_stream(self) -> Iterator[FileStream]:
        """A new one each time: adbd ends it where it could not do what it was to."""
        stream = self._opened(FileStream)
        try:
            yield stream
        finally:
            stream.close()

    def _start(self, line: str) -> ShellStream:
        return self._opened(lambda connection: ShellStream(connection, f"exec {line}"))

    def _opened(self, stream: Callable[[Any], Stream]) -> Stream:
        connection = self._adb.open_transport(timeout=self.options.connect_timeout / 1e3)
        try:
            return stream(connection)
        except BaseException:
            connection.close()
            raise

    @contextlib.contextmanager
    def _spoken(self, what: str) -> Iterator[None]:
        """A connection that breaks is a device that is gone."""
        try:
            yield
        except (library().AdbError, EOFError, OSError) as error:
            raise self._gone(what, error) from None


def _open(device: str, options: AdbOptions) -> Transport:
    return AdbTransport(device, options)


def _address(_device: str, options: AdbOptions) -> str:
    return f"adb-{options.serial}"


TRANSPORTS.register("adb")(TransportKind("an Android device over adb", AdbOptions, _open, _address))
