"""Many processes that want few devices, some of which are killed while they hold one: is anything granted twice?

Run as a program it is one of those processes: `lease_storm.py FOLDER SEED THREADS TTL`.
"""

from __future__ import annotations

import fcntl
import os
import random
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from edgebuild.device.lease import acquire, holder_of
from edgebuild.errors import DeviceError

DEVICES = tuple(f"board-{number}" for number in range(5))
LEFT_BEHIND = 0.05
"""Share of leases that belong to no process and are never released: only their time ends them."""


@dataclass(frozen=True)
class Storm:
    """What happened.

    Attributes:
        granted: leases, all devices together.
        killed: processes that were killed with SIGKILL.
        double: devices that two had at once; there must be none.
        backwards: tokens that were not larger than the one before; there must be none.
        seconds_until_free: from the death of the last process until every device was free.
    """

    granted: int
    killed: int
    double: int
    backwards: int
    seconds_until_free: float


def storm(folder: Path, *, processes: int, requests: int, seconds: float, ttl: float, seed: int) -> Storm:
    """Let `requests` threads in `processes` processes fight for the devices, and kill processes at random."""
    chance = random.Random(seed)
    counts = [requests // processes + (number < requests % processes) for number in range(processes)]
    workers = [_start(folder, seed + number, count, ttl) for number, count in enumerate(counts)]
    killed, deadline = 0, time.monotonic() + seconds
    while time.monotonic() < deadline:
        time.sleep(chance.uniform(0.02, 0.2))
        victim = chance.randrange(processes)
        _kill(workers[victim])
        killed += 1
        workers[victim] = _start(folder, seed + 1000 + killed, counts[victim], ttl)
    for worker in workers:
        _kill(worker)
    began = time.monotonic()
    while any(holder_of(device, folder) for device in DEVICES):
        time.sleep(0.005)
    until_free = time.monotonic() - began
    tokens = [[int(line) for line in _lines(folder / f"{device}.granted")] for device in DEVICES]
    backwards = sum(later <= earlier for row in tokens for earlier, later in pairwise(row))
    return Storm(sum(map(len, tokens)), killed, len(_lines(folder / "double")), backwards, until_free)


def _start(folder: Path, seed: int, threads: int, ttl: float) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, __file__, str(folder), str(seed), str(threads), str(ttl)])


def _kill(worker: subprocess.Popen[bytes]) -> None:
    worker.send_signal(signal.SIGKILL)
    worker.wait()


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def _append(file: Path, line: str) -> None:
    """One write: it is there whole, or not at all."""
    descriptor = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, f"{line}\n".encode())
    os.close(descriptor)


def _fight(folder: Path, chance: random.Random, ttl: float) -> None:
    """Take a device, see with a lock of the kernel's that nobody else uses it, use it for a moment, let go; again."""
    while True:
        device = chance.choice(DEVICES)
        left_behind = chance.random() < LEFT_BEHIND
        try:
            lease = acquire(device, ttl, folder, with_process=not left_behind, wait=0.5)
        except DeviceError:
            continue
        with (folder / f"{device}.used").open("w") as used:
            try:
                fcntl.flock(used, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                _append(folder / "double", device)
            _append(folder / f"{device}.granted", str(lease.token))
            time.sleep(chance.uniform(0, 0.01))
        if not left_behind:
            lease.release()


if __name__ == "__main__":
    place, number, count, life = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])
    for index in range(count):
        threading.Thread(target=_fight, args=(place, random.Random(number * 100 + index), life)).start()
