"""200 benchmarks over ssh one after the other and 20 at a time, each over connections of its own: is anything left?"""

from __future__ import annotations

import os
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from measuring.results import Result, publish
from measuring.ssh_server import Server, descendants, new_server

from edgebuild.bench.board.settings import BoardSettings
from edgebuild.bench.board.standalone import bench_file
from edgebuild.config.device import Device

SEQUENTIAL, AT_ONCE = 200, 20
FEW = BoardSettings(runs=20, processes=2)
SETTLE_SECONDS = 30.0
"""Until what ends by itself has ended."""


@dataclass(frozen=True)
class Held:
    """What this process and the server hold at one moment."""

    files: int
    threads: int
    server_processes: int
    folders: int


def held(server: Server) -> Held:
    """Open files and threads here, processes of the server, work folders of all boards."""
    assert server.process is not None
    return Held(
        len(list(Path("/proc/self/fd").iterdir())),
        threading.active_count(),
        len(descendants(server.process.pid)),
        len(list(server.folder.glob("device*/work-*"))),
    )


def settled(server: Server) -> Held:
    """What is held when every connection has ended, or too late."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while ((now := held(server)).server_processes or now.folders) and time.monotonic() < deadline:
        time.sleep(0.1)
    return now


@contextmanager
def boards(folder: Path) -> Iterator[tuple[Server, list[Device]]]:
    """A server, and devices that it is: each has an address and a folder of its own, and so a lease."""
    server = new_server(folder, address="0.0.0.0")
    key = (folder / "host_key.pub").read_text()
    hosts = [f"127.0.0.{number + 1}" for number in range(AT_ONCE)]
    (folder / "known_hosts").write_text("".join(f"[{host}]:{server.port} {key}" for host in hosts))
    server.start()
    try:
        yield (
            server,
            [
                Device(
                    name=f"board-{number}",
                    transport="ssh",
                    options=server.options(host=host, folder=f"{folder}/device-{number}"),
                )
                for number, host in enumerate(hosts)
            ],
        )
    finally:
        server.stop()


def make_file(folder: Path) -> Path:
    """A linear layer as a .pte file."""
    import torch
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower

    torch.manual_seed(0)
    program = torch.export.export(torch.nn.Linear(64, 16), (torch.zeros(1, 64),))
    lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()])
    file = folder / "linear.pte"
    file.write_bytes(lowered.to_executorch().buffer)
    return file


def bench(file: Path, sample: Path, device: Device) -> float:
    """Seconds of one benchmark: connection, runner, a sample, two processes, and everything removed."""
    started = time.monotonic()
    record = bench_file(file, device, [sample], FEW)
    assert [len(times) for times in record["milliseconds"]] == [20, 20]
    return time.monotonic() - started


def main() -> None:
    """Compare what is held after the first benchmark with what is held after all of them."""
    with tempfile.TemporaryDirectory() as scratch, boards(Path(scratch) / "sshd") as (server, devices):
        os.environ["EDGEBUILD_LEASES"] = scratch  # where the leases lie
        file, sample = make_file(Path(scratch)), Path(scratch) / "sample.npy"
        np.save(sample, np.ones((1, 64), np.float32))
        bench(file, sample, devices[0])
        before = settled(server)
        seconds = [bench(file, sample, devices[0]) for _ in range(SEQUENTIAL)]
        after = settled(server)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            started = time.monotonic()
            list(pool.map(lambda device: bench(file, sample, device), devices))
            together = time.monotonic() - started
        last = settled(server)
    spread = f"{min(seconds):.1f} to {max(seconds):.1f} s"
    publish(
        "ssh",
        "Benchmarks over ssh leave nothing",
        f"{SEQUENTIAL} benchmarks of a .pte file one after the other, then {AT_ONCE} at a time, each on a board of its "
        "own as far as leases and folders go; one server of this machine is all of them. Counted against what was held "
        "after the first benchmark.",
        [
            Result("benchmarks one after the other", len(seconds), ""),
            Result("median of one", statistics.median(seconds), "s", detail=spread),
            *_left("after them", before, after),
            Result("benchmarks at a time", len(devices), ""),
            Result("all of them together", together, "s"),
            *_left("after those", before, last),
        ],
    )


def _left(when: str, before: Held, after: Held) -> list[Result]:
    return [
        Result(f"{when}: open files more", after.files - before.files, "", 0),
        Result(f"{when}: threads more", after.threads - before.threads, "", 0),
        Result(f"{when}: processes of connections left", after.server_processes, "", 0),
        Result(f"{when}: work folders left", after.folders, "", 0),
    ]


if __name__ == "__main__":
    main()
