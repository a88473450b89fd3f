"""Devices of every kind that a transport reaches, all on this machine: itself, an ssh server, and an adbd."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

from edgebuild.config.device import Device
from edgebuild.device.connect import reach_of
from edgebuild.device.transport import Transport
from tests.device.adbd import Phone, adb_server, own_network, skip_without_adbd
from tests.device.sshd import new_server, skip_without_sshd, small_disk

NAME = "board"
"""What messages call it."""


class Machine(Protocol):
    """The other end of a connection, as tests see it."""

    @property
    def home(self) -> Path:
        """Where work folders are made there, as this machine sees it."""

    def options(self, **changes: Any) -> dict[str, Any]:
        """Options of a device file that reach it."""

    def start(self) -> None:
        """Start it, and wait until it listens."""

    def stop(self) -> None:
        """End it with every connection: what a device does that loses its power."""

    def work_folders(self) -> list[str]:
        """What is left on it."""

    def processes(self) -> int:
        """How many it has."""


AnyMachine = TypeVar("AnyMachine", bound=Machine)


class Peer:
    """A device that is there, reached by `transport`."""

    def __init__(self, transport: str) -> None:
        self.transport = transport

    def device(self, **changes: object) -> Device:
        """Its file, with some options changed."""
        return Device(name=NAME, transport=self.transport, options=self.options(**changes))

    def open(self, **changes: object) -> Transport:
        """A connection to it without a lease."""
        reach = reach_of(self.device(**changes))
        return reach.kind.open(NAME, reach.options)

    def options(self, **changes: object) -> dict[str, Any]:
        """Options of its file."""
        return changes


class RemotePeer(Peer):
    """One over a wire, whose other end tests may look at and stop."""

    def __init__(self, transport: str, machine: Machine, others: Others) -> None:
        super().__init__(transport)
        self.machine = machine
        self._others = others

    @property
    def second_name(self) -> dict[str, str]:
        """Options that reach the same device by another name."""
        key = {"ssh": "host", "adb": "serial"}[self.transport]
        return {key: str(self.options()[key]).replace("127.0.0.1", "localhost")}

    def options(self, **changes: object) -> dict[str, Any]:
        """Options of its file."""
        return self.machine.options(**changes)

    @contextmanager
    def another(self, folder: Path) -> Iterator[RemotePeer]:
        """One of the same kind that the test may stop; `folder` is new."""
        with started(self._others.another(folder)) as machine:
            yield RemotePeer(self.transport, machine, self._others)

    @contextmanager
    def small(self, folder: Path) -> Iterator[RemotePeer]:
        """One of the same kind that has less room than 64 MiB; `folder` is new."""
        with started(self._others.small(folder)) as machine:
            yield RemotePeer(self.transport, machine, self._others)


@dataclass(frozen=True)
class Others:
    """How more machines of a kind are made in a folder of their own."""

    another: Callable[[Path], Machine]
    small: Callable[[Path], Machine]


@contextmanager
def running(transport: str, folder: Path) -> Iterator[Peer]:
    """A device for `local`, `ssh` or `adb`; the test is skipped where there can be none."""
    if transport == "local":
        yield Peer("local")
    elif transport == "ssh":
        skip_without_sshd()
        others = Others(new_server, lambda place: new_server(place, prefix=small_disk(place / "device")))
        with started(new_server(folder / "sshd")) as server:
            yield RemotePeer("ssh", server, others)
    else:
        skip_without_adbd()
        others = Others(lambda place: Phone(place, port=15557), lambda place: Phone(place, port=15558))
        with own_network(), adb_server(folder / "adb"), started(Phone(folder / "phone")) as phone:
            yield RemotePeer("adb", phone, others)


@contextmanager
def started(machine: AnyMachine) -> Iterator[AnyMachine]:
    """Run a machine as long as the block."""
    machine.start()
    try:
        yield machine
    finally:
        machine.stop()
