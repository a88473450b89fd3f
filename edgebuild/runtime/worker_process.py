"""A child process that answers arrays with arrays: how messages are framed, and what is said where it dies.

A message is an 8-byte little-endian length and that many bytes; arrays are an .npz with the names `0`, `1`, …
"""

from __future__ import annotations

import io
import struct
import subprocess
import tempfile
from collections.abc import Callable, Mapping, Sequence
from typing import IO, Any

import numpy as np

from edgebuild.errors import ToolError

_HEADER = 8


class WorkerProcess:
    """One such process; it ends when its stdin does."""

    def __init__(self, command: Sequence[str], died: Callable[[int, str], ToolError]) -> None:
        """`died` makes an error of the exit status (negative: the signal) and what the process wrote on stderr."""
        self._died = died
        self._errors: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 (closed by close())
        self._child = subprocess.Popen(
            list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors
        )

    def ask(self, arrays: Mapping[str, Any]) -> list[np.ndarray]:
        """Send arrays by name; the arrays of the answer, in their order.

        Raises:
            ToolError: the process died.
        """
        packed = io.BytesIO()
        np.savez(packed, **arrays)
        content = packed.getvalue()
        assert self._child.stdin is not None
        try:
            self._child.stdin.write(struct.pack("<Q", len(content)) + content)
            self._child.stdin.flush()
        except BrokenPipeError:
            raise self._error() from None
        with np.load(io.BytesIO(self.receive()), allow_pickle=False) as answer:
            return [answer[str(position)] for position in range(len(answer.files))]

    def receive(self) -> bytes:
        """The next message.

        Raises:
            ToolError: the process died.
        """
        assert self._child.stdout is not None
        header = self._child.stdout.read(_HEADER)
        if len(header) < _HEADER:
            raise self._error()
        return self._child.stdout.read(struct.unpack("<Q", header)[0])

    def close(self) -> None:
        """End the process."""
        for stream in (self._child.stdin, self._child.stdout):
            if stream is not None:
                stream.close()
        self._child.wait()
        self._errors.close()

    def _error(self) -> ToolError:
        status = self._child.wait()
        self._errors.seek(0)
        return self._died(status, self._errors.read().decode(errors="replace"))
