"""The local executor: worker processes on this machine, started when first needed and kept for the whole build."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from multiprocessing.connection import Connection, wait
from pathlib import Path

from edgebuild.errors import ToolError
from edgebuild.graph.atomic_write import store_errors
from edgebuild.graph.executors.executor import EXECUTORS, Event, Failed, Progressed, Succeeded, Task
from edgebuild.graph.executors.worker import failed

_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from edgebuild.graph.executors.worker import serve; serve(int(sys.argv[2]), int(sys.argv[3]))"
)
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS")
_WAIT_POLICY = "PASSIVE"
"""Threads that wait for each other sleep: on a machine whose cores are busy, spinning makes a training of two threads
several times slower than one of a single thread. Who sets the variable decides."""
_LOG_LINES = 12
_LOG_CHARACTERS = 4000
_STOP_SECONDS = 5.0


class _Worker:
    """One worker process and the stage it runs; `threads` is what its numerical libraries were started with."""

    def __init__(self, threads: int, log: Path) -> None:
        self.threads = threads
        self.task: Task | None = None
        ours, theirs = socket.socketpair()
        counts = dict.fromkeys(_THREAD_VARIABLES, str(threads))
        environment = {"OMP_WAIT_POLICY": _WAIT_POLICY, **os.environ, **counts, "PYTHONHASHSEED": "0"}
        with store_errors(log.parent), theirs, log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-P", "-c", _BOOT, json.dumps(sys.path), str(theirs.fileno()), str(os.getpid())],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=environment,
                pass_fds=(theirs.fileno(),),
                start_new_session=True,  # a Ctrl-C at the terminal reaches only the parent
            )
        self.pipe = Connection(ours.detach())

    def start(self, task: Task) -> None:
        self.task = task
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # it died while idle: `poll` finds out
            self.pipe.send(task)

    def is_gone(self) -> bool:
        """Whether it died and said nothing more; a grandchild can keep its end of the pipe open."""
        return self.process.poll() is not None and not self.pipe.closed and not self.pipe.poll()

    def stop(self) -> None:
        """End the process and everything it started."""
        self.pipe.close()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(_STOP_SECONDS)


class LocalExecutor:
    """Runs up to `slots` stages at once, each in a worker with as many threads as its parameter `threads` says (1)."""

    def __init__(self, slots: int) -> None:
        self.slots = slots
        self._workers: list[_Worker] = []

    def submit(self, task: Task) -> None:
        """Start a stage in an idle worker with the right number of threads, or in a new one."""
        threads = int(task.stage.params.get("threads") or 1)
        worker = self._idle(threads)
        if worker is None:
            worker = _Worker(threads, task.log)
            self._workers.append(worker)
        worker.start(task)

    def poll(self, timeout: float) -> list[Event]:
        """Collect what the workers sent; a dead one fails its stage and is dropped."""
        by_pipe = {worker.pipe: worker for worker in self._workers}
        events: list[Event] = []
        for pipe in wait(list(by_pipe), timeout):
            assert isinstance(pipe, Connection), "only pipes are waited for"
            event = self._receive(by_pipe[pipe])
            if event is not None:
                events.append(event)
        for worker in [worker for worker in self._workers if worker.is_gone()]:
            event = self._bury(worker)
            if event is not None:
                events.append(event)
        return events

    def close(self) -> None:
        """Kill all workers."""
        for worker in self._workers:
            worker.stop()
        self._workers.clear()

    def _idle(self, threads: int) -> _Worker | None:
        idle = [worker for worker in self._workers if worker.task is None]
        for worker in idle:
            if worker.threads == threads:
                return worker
        if idle and len(self._workers) >= self.slots:
            idle[0].stop()
            self._workers.remove(idle[0])
        return None

    def _receive(self, worker: _Worker) -> Event | None:
        try:
            message = worker.pipe.recv()
        except (EOFError, ConnectionResetError):
            return self._bury(worker)
        if isinstance(message, Progressed):
            return message
        worker.task = None
        return message if isinstance(message, Succeeded) else failed(message)

    def _bury(self, worker: _Worker) -> Event | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            worker.process.wait(_STOP_SECONDS)
        code = worker.process.returncode
        worker.stop()
        self._workers.remove(worker)
        return None if worker.task is None else Failed(worker.task.stage.id, _death(worker.task, code))


def _death(task: Task, code: int | None) -> ToolError:
    tail = _tail(task.log)
    printed = "; it printed nothing" if not tail else ". The end of its output:\n" + tail
    remedy = f"all of its output is in {task.shown_log}"
    if code is not None and code == -signal.SIGKILL:
        remedy = f"if the machine ran out of memory, free some or build with --jobs 1; {remedy}"
    return ToolError(f"{task.stage.id}: the worker process {_how(code)}{printed}", remedy=remedy)


def _how(code: int | None) -> str:
    if code is None:
        return "closed its pipe and hangs"
    if code >= 0:
        return f"ended by itself with exit code {code}"
    with contextlib.suppress(ValueError):
        return f"was killed by {signal.Signals(-code).name}"
    return f"was killed by signal {-code}"


def _tail(log: Path) -> str:
    try:
        text = log.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(f"    {line}" for line in text[-_LOG_CHARACTERS:].splitlines()[-_LOG_LINES:])


EXECUTORS.register("local")(LocalExecutor)
