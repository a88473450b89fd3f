"""The two streams of adb that adbutils has no complete client for: programs with stdin, and files with all errors.

Protocols: `shell_protocol.h` and `SYNC.TXT` of Android's adb. Numbers are little-endian.
"""

from __future__ import annotations

import socket
import stat
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

_STDOUT, _STDERR, _EXIT, _CLOSE_STDIN = 1, 2, 3, 4
_CHUNK = 64 * 1024
"""The most that a packet of a file may have."""
SILENCE_SECONDS = 30.0
"""A device that says nothing for so long while a file is copied is gone."""


class FileError(Exception):
    """The device could not read or write a file; the text is its own."""


class _Reader:
    """Reads exact numbers of bytes; what arrived before a timeout is kept for the next call."""

    def __init__(self, connection: socket.socket) -> None:
        self._socket = connection
        self._buffer = bytearray()

    def peek(self, size: int, deadline: float) -> bytes:
        """The next bytes, which stay.

        Raises:
            TimeoutError: they did not arrive until `deadline`, a time of time.monotonic.
            EOFError: the connection ended before.
        """
        while len(self._buffer) < size:
            self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
            chunk = self._socket.recv(_CHUNK)
            if not chunk:
                raise EOFError
            self._buffer += chunk
        return bytes(self._buffer[:size])

    def take(self, size: int, deadline: float) -> bytes:
        """The next bytes; errors as of `peek`."""
        taken = self.peek(size, deadline)
        del self._buffer[:size]
        return taken


class ShellStream:
    """A program on the device and its three streams, apart from each other.

    Attributes:
        stdout: what it wrote until now.
        stderr: the same.
    """

    def __init__(self, connection: Any, command: str) -> None:
        """Start `command` in a shell of the device, over an AdbConnection to it."""
        self._connection = connection
        self._reader = _Reader(connection.conn)
        self.stdout = bytearray()
        self.stderr = bytearray()
        self._exit_code: int | None = None
        connection.send_command(f"shell,v2,raw:{command}")
        connection.check_okay()

    def wait(self, seconds: float) -> int:
        """The exit code.

        Raises:
            TimeoutError: it did not end within `seconds`.
            EOFError: the connection ended before the program.
        """
        deadline = time.monotonic() + seconds
        while self._exit_code is None:
            self._read_packet(deadline)
        return self._exit_code

    def first_line(self, seconds: float) -> str:
        """The first line of stdout; empty where the program ended without one. Errors as of `wait`."""
        deadline = time.monotonic() + seconds
        while self._exit_code is None and b"\n" not in self.stdout:
            self._read_packet(deadline)
        line, end, _ = self.stdout.partition(b"\n")
        return line.decode() if end else ""

    def end_input(self) -> None:
        """Let the program read the end of its stdin."""
        self._connection.conn.sendall(struct.pack("<BI", _CLOSE_STDIN, 0))

    def close(self) -> None:
        """End the connection; adb hangs up on a program that still runs."""
        self._connection.close()

    def _read_packet(self, deadline: float) -> None:
        kind, length = struct.unpack("<BI", self._reader.peek(5, deadline))
        content = self._reader.peek(5 + length, deadline)[5:]
        self._reader.take(5 + length, deadline)
        if kind == _EXIT:
            self._exit_code = content[0]
        elif kind == _STDOUT:
            self.stdout += content
        elif kind == _STDERR:
            self.stderr += content


class FileStream:
    """Files of the device: read, written and listed over one AdbConnection to it."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._reader = _Reader(connection.conn)
        connection.conn.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # many small packets, one answer
        connection.send_command("sync:")
        connection.check_okay()

    def send(self, source: Path, destination: str) -> None:
        """Write a file with the mode of `source`; adbd makes the folders on the way, and removes what stays incomplete.

        Raises:
            FileError: the device refused it.
            EOFError, OSError: the connection ended.
        """
        status = source.stat()
        self._ask(b"SEND", f"{destination},{stat.S_IFREG | stat.S_IMODE(status.st_mode)}")
        self._connection.conn.settimeout(SILENCE_SECONDS)
        with source.open("rb") as file:
            while chunk := file.read(_CHUNK):
                self._connection.conn.sendall(struct.pack("<4sI", b"DATA", len(chunk)) + chunk)
        self._connection.conn.sendall(struct.pack("<4sI", b"DONE", int(status.st_mtime) & 0xFFFFFFFF))
        kind, length = self._header()
        if kind != b"OKAY":
            raise FileError(self._take(length).decode(errors="replace"))

    def receive(self, source: str, destination: Path) -> None:
        """Read a file, or a folder with all that is in it.

        Raises:
            FileNotFoundError: there is none.
            FileError: the device refused it.
            EOFError, OSError: the connection ended.
        """
        mode = self._mode(source)
        if mode == 0:
            raise FileNotFoundError(source)
        if not stat.S_ISDIR(mode):
            self._receive_file(source, destination, mode)
            return
        destination.mkdir(parents=True, exist_ok=True)
        for name in list(self._names(source)):
            self.receive(f"{source}/{name}", destination / name)

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def _receive_file(self, source: str, destination: Path, mode: int) -> None:
        self._ask(b"RECV", source)
        with destination.open("wb") as file:
            while (header := self._header())[0] == b"DATA":
                file.write(self._take(header[1]))
        if header[0] != b"DONE":
            destination.unlink()
            raise FileError(self._take(header[1]).decode(errors="replace"))
        destination.chmod(stat.S_IMODE(mode))

    def _mode(self, path: str) -> int:
        self._ask(b"STAT", path)
        _, mode, _, _ = struct.unpack("<4sIII", self._take(16))
        return int(mode)

    def _names(self, folder: str) -> Iterator[str]:
        self._ask(b"LIST", folder)
        while True:
            kind, _, _, _, length = struct.unpack("<4sIIII", self._take(20))
            if kind != b"DENT":
                return
            name = self._take(length).decode(errors="surrogateescape")
            if name not in (".", ".."):
                yield name

    def _ask(self, request: bytes, path: str) -> None:
        name = path.encode()
        self._connection.conn.sendall(struct.pack("<4sI", request, len(name)) + name)

    def _header(self) -> tuple[bytes, int]:
        kind, length = struct.unpack("<4sI", self._take(8))
        return kind, length

    def _take(self, size: int) -> bytes:
        return self._reader.take(size, time.monotonic() + SILENCE_SECONDS)
