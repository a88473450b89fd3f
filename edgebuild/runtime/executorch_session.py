"""A .pte file behind a child process: the C++ runner serves it over pipes, so that no torch is loaded."""

from __future__ import annotations

import contextlib
import json
import struct
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np

from edgebuild.errors import ConfigError, InternalError, ToolError
from edgebuild.runtime.executorch_build import build_runner
from edgebuild.runtime.executorch_file import PteFile, read_pte
from edgebuild.runtime.executorch_xnnpack import BACKEND

_QUIT_SECONDS = 5
_LAST_WORDS_SECONDS = 0.5


@dataclass(frozen=True)
class Port:
    """One input or output of the file.

    Attributes:
        shape: the one that the caller sees, channels last where the file wants that.
        memory_shape: dimensions as the bytes lie; differs from `shape` by the place of dimensions of one element only.
        dim_order: which dimension of the PyTorch tensor each of `memory_shape` is.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    memory_shape: tuple[int, ...]
    dim_order: tuple[int, ...]

    @property
    def bytes(self) -> int:
        """Size of one tensor."""
        return int(np.prod(self.shape, dtype=np.int64)) * np.dtype(self.dtype).itemsize


def ports(file: PteFile, described: list[dict[str, Any]], side: str) -> tuple[Port, ...]:
    """Names and shapes of a side (`inputs`, `outputs`): from our metadata, numbered where the file has none.

    `described` is what the runtime says: dtype and the shape in memory order.
    """
    known = file.metadata().get(side, [])
    if len(known) != len(described):
        known = [{"name": f"{side[:-1]}_{i}", "shape": item["shape"]} for i, item in enumerate(described)]
    return tuple(
        Port(mine["name"], item["dtype"], tuple(mine["shape"]), tuple(item["shape"]), tuple(item["dim_order"]))
        for mine, item in zip(known, described, strict=True)
    )


class ExecutorchSession:
    """One loaded .pte file; see `edgebuild.runtime.session.Session`."""

    def __init__(self, path: Path, threads: int) -> None:
        """Load `path` in a child process.

        Raises:
            ConfigError: the runtime does not take the file.
            ToolError: the runner cannot be built.
        """
        self._path = path
        file = read_pte(path)
        file.forward()
        self._log: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the session
        self._child = subprocess.Popen(
            [str(build_runner()), "serve", str(path), str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
        )
        header = self._pipe(self._child.stdout).readline()
        if not header:
            raise ConfigError(self._failure("does not load"), remedy=_remedy(file))
        described = json.loads(header)
        self.inputs = ports(file, described["inputs"], "inputs")
        self.outputs = ports(file, described["outputs"], "outputs")

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run once; arrays have exactly the dtype and shape of `self.inputs`.

        Raises:
            ConfigError: an input is missing, unknown, or has another dtype or shape.
            ToolError: the runtime failed.
        """
        request = b"".join(self._checked(port, inputs).tobytes() for port in self.inputs)
        stdin, stdout = self._pipe(self._child.stdin), self._pipe(self._child.stdout)
        try:
            stdin.write(request)
            stdin.flush()
        except BrokenPipeError:
            raise ToolError(self._failure("died while it ran")) from None
        (code,) = struct.unpack("<I", self._read(stdout, 4))
        if code:
            raise ToolError(self._failure(f"failed with error {code}"))
        return {
            port.name: np.frombuffer(self._read(stdout, port.bytes), dtype=port.dtype).reshape(port.shape).copy()
            for port in self.outputs
        }

    def close(self) -> None:
        """End the child process."""
        if self._child.poll() is None:
            with contextlib.suppress(BrokenPipeError):
                self._pipe(self._child.stdin).close()
            try:
                self._child.wait(_QUIT_SECONDS)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()
        self._pipe(self._child.stdout).close()
        self._log.close()

    def _checked(self, port: Port, inputs: Mapping[str, np.ndarray]) -> np.ndarray:
        if set(inputs) != {item.name for item in self.inputs}:
            names = ", ".join(item.name for item in self.inputs)
            msg = f"{self._path}: inputs given: {', '.join(inputs)}; expected: {names}"
            raise ConfigError(msg)
        array = inputs[port.name]
        if array.dtype != np.dtype(port.dtype) or array.shape != port.shape:
            msg = (
                f"{self._path}: input {port.name} is {array.dtype}{list(array.shape)}, "
                f"expected {port.dtype}{list(port.shape)}"
            )
            raise ConfigError(msg)
        return np.ascontiguousarray(array)

    def _read(self, stream: IO[bytes], size: int) -> bytes:
        data = stream.read(size)
        if len(data) != size:
            raise ToolError(self._failure("died while it ran"))
        return data

    def _failure(self, what: str) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(_LAST_WORDS_SECONDS)
        self._log.seek(0)
        return f"{self._path}: the executorch runtime {what}: {last_complaint(self._log.read())}"

    @staticmethod
    def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
        if stream is None:
            msg = "the runner was started without pipes"
            raise InternalError(msg)
        return stream


def _remedy(file: PteFile) -> str:
    """What to do about a file that does not load: one with foreign delegates is right, and for another place."""
    foreign = sorted({delegate["id"] for delegate in file.forward()["delegates"]} - {BACKEND})
    if foreign:
        return f"this runtime has {BACKEND} only; run the file on a device that has {', '.join(foreign)}"
    return "export it again with the installed executorch"


def last_complaint(log: bytes) -> str:
    """The errors of the runtime's log in one line; its chatter (level I) left out."""
    lines = log.decode(errors="replace").splitlines()
    complaints = [line.split("] ", 1)[-1] for line in lines if line and not line.startswith("I ")]
    return "; ".join(complaints[-3:]) or "no message"
