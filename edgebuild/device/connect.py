"""A connection to a device as everybody should use it: leased, checked to be the right one, and fenced."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgebuild.config.device import Device
from edgebuild.config.registries import TRANSPORTS
from edgebuild.device.lease import Lease, hold
from edgebuild.device.transport import Completed, FencesItself, Transport, TransportKind, require_properties
from edgebuild.errors import DeviceBusyError

GRACE_SECONDS = 30.0
"""What a lease lasts beyond the time that a program may take: for ending it and fetching what it left."""
POLL_SECONDS = 5.0
"""How often a board that somebody else has is asked again: each time takes it some milliseconds of its own."""


class FencedTransport:
    """A transport that asks before each use whether the device is still ours, and renews the lease with it.

    The lease outlasts what is started under it, because a program is stopped when its time is over.
    """

    def __init__(self, transport: Transport, lease: Lease, ttl: float) -> None:
        self.transport = transport
        self.lease = lease
        self.ttl = ttl

    def push(self, source: Path, destination: str) -> None:
        """As of the transport; DeviceError too where the lease is over."""
        self.lease.renew(self.ttl)
        self.transport.push(source, destination)

    def pull(self, source: str, destination: Path) -> None:
        """As of the transport; DeviceError too where the lease is over."""
        self.lease.renew(self.ttl)
        self.transport.pull(source, destination)

    def run(self, argv: Sequence[str], timeout: float) -> Completed:
        """As of the transport; DeviceError too where the lease is over."""
        self.lease.renew(max(self.ttl, timeout + GRACE_SECONDS))
        completed = self.transport.run(argv, timeout)
        self.lease.require()  # a program that somebody else's job ended has no result
        return completed

    def properties(self) -> dict[str, str]:
        """As of the transport: asking changes nothing, and needs no lease."""
        return self.transport.properties()

    def close(self) -> None:
        """End the connection; what the transport left on the device is its own, and is removed without a lease."""
        self.transport.close()


@dataclass(frozen=True)
class Reach:
    """How a device file is reached: the kind of transport, its typed options, and what is leased."""

    kind: TransportKind
    options: Any
    address: str | None


def reach_of(device: Device) -> Reach:
    """The transport of a device with its options."""
    kind: TransportKind = TRANSPORTS.get(device.transport)
    options = kind.parameters.model_validate(device.options)
    return Reach(kind, options, kind.address(device.name, options))


@contextmanager
def connected(device: Device, *, wait: float = 0.0, lease: Lease | None = None) -> Iterator[Transport]:
    """Open a device, alone, and close it when the block is left.

    Args:
        device: its file.
        wait: seconds to wait for another holder.
        lease: one that the caller has already; it is kept.

    Raises:
        DeviceBusyError: somebody else has it, and did not let go within `wait`.
        DeviceError: it cannot be reached, or is another one than its file says.
        ToolError: what the transport needs is missing on this machine.
    """
    reach = reach_of(device)
    deadline = time.monotonic() + wait
    ttl = device.lease.ttl / 1e3
    if reach.address is None:
        with _opened(reach, device) as transport:
            yield transport
    elif lease is not None:
        lease.renew(ttl)
        with _fenced(reach, device, lease, deadline) as transport:
            yield transport
    else:
        with (
            hold(device.name, ttl, address=reach.address, wait=wait) as own,
            _fenced(reach, device, own, deadline) as transport,
        ):
            yield transport


@contextmanager
def _fenced(reach: Reach, device: Device, lease: Lease, deadline: float) -> Iterator[Transport]:
    ttl = device.lease.ttl / 1e3
    with _opened(reach, device) as transport:
        if isinstance(transport, FencesItself):
            _fence(transport, lease, ttl, deadline)
        yield FencedTransport(transport, lease, ttl)


def _fence(transport: FencesItself, lease: Lease, ttl: float, deadline: float) -> None:
    """Have the board alone among all that reach it; until the deadline wait for who has it."""
    while True:
        try:
            return transport.fence(lease.token, lease.ledger(), ttl)
        except DeviceBusyError:
            left = deadline - time.monotonic()
            if left <= 0:
                raise
        lease.renew(ttl)
        time.sleep(min(POLL_SECONDS, left, ttl / 2))


@contextmanager
def _opened(reach: Reach, device: Device) -> Iterator[Transport]:
    transport = reach.kind.open(device.name, reach.options)
    try:
        require_properties(device.name, device.properties, transport.properties())
        yield transport
    finally:
        transport.close()
