"""A file on an open board: pushed there once with what it is run on, and run as often as somebody wants."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np

from edgebuild.bench.board.run import BoardRun
from edgebuild.config.device import Device
from edgebuild.device.cores import Placement
from edgebuild.device.qemu_profile import BlockProfile
from edgebuild.device.qemu_user import QemuUserTransport
from edgebuild.device.scratch import scratch_folder
from edgebuild.device.transport import Transport
from edgebuild.errors import InternalError
from edgebuild.runtime.session import ProfileReport

ALONE = "file"
"""The folder of a file that has the board for itself."""


class FileOnBoard(ABC):
    """A file in the work folder of an open board.

    Attributes:
        runtime: that runs it, here and there.
        transport: of the board, open.
        device: its file.
        file: on this machine.
        samples: input -> array [samples, ...], each sample exactly as the file wants it, in the file's order of inputs.
        operations_are: how one operation is told from another, and what the whole is.
        placement: threads, and the cores that they are pinned to.
        folder: below the work folder, where everything of the file is.
    """

    runtime: ClassVar[str]
    operations_are: ClassVar[str]

    def __init__(
        self,
        transport: Transport,
        device: Device,
        file: Path,
        samples: Mapping[str, np.ndarray],
        placement: Placement | None = None,
        folder: str = ALONE,
    ) -> None:
        """Raises DeviceError where the board is gone or full, ToolError where something is missing here."""
        self.transport = transport
        self.device = device
        self.file = file
        self.samples = samples
        self.placement = placement or Placement()
        self.folder = folder
        with scratch_folder("board") as scratch:
            self._push(scratch)

    @property
    def count(self) -> int:
        """How many samples there are."""
        return len(next(iter(self.samples.values())))

    def at(self, name: str) -> str:
        """The path of `name` on the board."""
        return f"{self.folder}/{name}"

    @property
    def emulated(self) -> QemuUserTransport:
        """The transport of a board that is emulated."""
        if not isinstance(self.transport, QemuUserTransport):
            msg = f"device {self.device.name!r} is real: no instruction of it can be profiled"
            raise InternalError(msg)
        return self.transport

    @abstractmethod
    def run(self, runs: int, samples: int | None = None) -> BoardRun:
        """Run the samples, or the first `samples` of them, then `runs` timed inferences of the first.

        Raises:
            DeviceError: the board is gone, the runtime there failed, or it did not stay on its cores.
            ToolError: the counter of an emulated board failed.
        """

    @abstractmethod
    def operations(self, runs: int) -> ProfileReport:
        """Time every operation of the first sample in a process of its own: medians of `runs`.

        Raises:
            DeviceError: the board is gone, or the runtime there failed.
            ToolError: one operation cannot be told from another.
        """

    @abstractmethod
    def profile(self) -> BlockProfile:
        """Profile one inference of the first sample on an emulated board, after two that fill caches.

        Raises:
            DeviceError: the runtime there failed.
            ToolError: the profiler failed.
        """

    @abstractmethod
    def _push(self, scratch: Path) -> None:
        """Push what every run needs; `scratch` is for files in between."""
