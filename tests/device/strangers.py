"""Devices that do not let us in, as far as the real adb server gets with them: they speak adb's own protocol.

Debian's adbd lets everybody in, and Android's runs on Android only; what a device that asks for a key does until
somebody touches its screen is a few messages (`protocol.txt` of Android's adb).
"""

from __future__ import annotations

import os
import socket
import struct
import threading
from types import TracebackType
from typing import Self

_HEADER = struct.Struct("<6I")
_AUTH = int.from_bytes(b"AUTH", "little")
_TOKEN, _SIGNATURE, _PUBLIC_KEY = 1, 2, 3


class Mute:
    """Takes connections, and says nothing."""

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._connections: list[socket.socket] = []
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for connection in self._connections:
            connection.close()

    @property
    def serial(self) -> str:
        """As adb calls it."""
        return f"127.0.0.1:{self._listener.getsockname()[1]}"

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        pass


class Unauthorizing(Mute):
    """Asks every time for the signature of a key that it does not know: nobody touches its screen.

    Attributes:
        keys: how often it was shown a public key.
    """

    def __init__(self) -> None:
        self.keys = 0

    def _answer(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as stream:
            while header := stream.read(_HEADER.size):
                command, kind, _, length, _, _ = _HEADER.unpack(header)
                stream.read(length)
                if command == _AUTH and kind == _PUBLIC_KEY:
                    self.keys += 1
                    continue
                token = os.urandom(20)
                numbers = (_AUTH, _TOKEN, 0, len(token), sum(token), _AUTH ^ 0xFFFFFFFF)
                connection.sendall(_HEADER.pack(*numbers) + token)
