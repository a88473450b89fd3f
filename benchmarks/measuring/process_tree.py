"""Run a command and watch the memory of everything it starts."""

from __future__ import annotations

import os
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

SAMPLE_SECONDS = 0.05


@dataclass(frozen=True)
class Measured:
    """One finished command.

    Attributes:
        seconds: wall time, start to end.
        peak_tree_bytes: largest sum of the resident memory of the command and all its descendants at one sample; pages
            that several processes share count once for each, so that the truth is at most this.
        peak_process_bytes: largest resident memory of any one of them, as the kernel recorded it.
        samples: how often the tree was looked at.
    """

    exit_code: int
    stdout: str
    stderr: str
    seconds: float
    peak_tree_bytes: int
    peak_process_bytes: int
    samples: int


def run_measured(argv: Sequence[str], folder: Path) -> Measured:
    """Run `argv` in `folder` to its end."""
    with tempfile.TemporaryFile() as stdout, tempfile.TemporaryFile() as stderr:
        start = time.perf_counter()
        process = subprocess.Popen(list(argv), cwd=folder, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr)
        watcher = _Watcher(process.pid)
        watcher.start()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
        watcher.stop()
        process.returncode = os.waitstatus_to_exitcode(status)
        texts = []
        for stream in (stdout, stderr):
            stream.seek(0)
            texts.append(stream.read().decode(errors="replace"))
    return Measured(
        exit_code=process.returncode,
        stdout=texts[0],
        stderr=texts[1],
        seconds=seconds,
        peak_tree_bytes=watcher.peak_tree,
        peak_process_bytes=max(watcher.peak_process, usage.ru_maxrss * 1024),
        samples=watcher.samples,
    )


class _Watcher(threading.Thread):
    """Samples the tree below one process until it is told to stop."""

    def __init__(self, root: int) -> None:
        super().__init__(daemon=True)
        self.root = root
        self.peak_tree = 0
        self.peak_process = 0
        self.samples = 0
        self._ended = threading.Event()

    def run(self) -> None:
        """Sample at a steady pace."""
        while not self._ended.wait(SAMPLE_SECONDS):
            sizes = [_memory(pid) for pid in _descendants(self.root)]
            self.peak_tree = max(self.peak_tree, sum(resident for resident, _ in sizes))
            self.peak_process = max(self.peak_process, *(peak for _, peak in sizes), 0)
            self.samples += 1

    def stop(self) -> None:
        """End the sampling and wait for the last one."""
        self._ended.set()
        self.join()


def _descendants(root: int) -> list[int]:
    """`root` and everything below it that is alive now."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (parent := _parent(entry)) is not None:
            children.setdefault(parent, []).append(int(entry.name))
    found, pending = [], [root]
    while pending:
        pid = pending.pop()
        found.append(pid)
        pending += children.get(pid, [])
    return found


def _parent(entry: Path) -> int | None:
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return None


def _memory(pid: int) -> tuple[int, int]:
    """Resident bytes of a process now, and at its peak; zeros where it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0, 0
    sizes = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines if line.startswith(("VmRSS", "VmHWM"))}
    return sizes.get("VmRSS", 0), sizes.get("VmHWM", 0)
