"""What all emulated boards have in common: an emulator, and a working folder that lies on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

from edgebuild.config.device import Device
from edgebuild.config.parameters import Parameters
from edgebuild.device.local import LocalTransport
from edgebuild.device.toolchain import find_program, program_version
from edgebuild.errors import ConfigError

Board = TypeVar("Board", bound=Parameters)


def board_options(device: Device, transport: str, board: type[Board], what: str, example: str) -> Board:
    """The typed options of an emulated device; `what` it is and an `example` of one are for the message.

    Raises:
        ConfigError: the device is reached by another transport.
    """
    if device.transport != transport:
        msg = f"device {device.name!r} is reached by {device.transport!r}: it is no emulated {what}"
        raise ConfigError(msg, remedy=f"name a device whose transport is {transport}, like {example}")
    return board.model_validate(device.options)


class EmulatedBoard:
    """A board of its own for every connection, so that nobody has to wait.

    Attributes:
        device: name of the device file.
        emulator: path of the program.
        version: of the emulator.
    """

    def __init__(self, device: str, emulator: str) -> None:
        """Raises ToolError where the emulator is missing."""
        self.device = device
        self.emulator = find_program(emulator)
        self.version = program_version(self.emulator)
        self._host = LocalTransport(device)

    @property
    def folder(self) -> Path:
        """The working folder, on this machine."""
        return self._host.folder

    def push(self, source: Path, destination: str) -> None:
        """Copy a file or folder into the working folder, where what runs can open it."""
        self._host.push(source, destination)

    def pull(self, source: str, destination: Path) -> None:
        """Copy a file or folder out of the working folder."""
        self._host.pull(source, destination)

    def close(self) -> None:
        """Remove the working folder."""
        self._host.close()
