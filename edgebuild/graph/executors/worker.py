"""The worker process: waits for stages on a pipe, runs them one by one, and dies with its parent."""

from __future__ import annotations

import contextlib
import faulthandler
import importlib
import logging
import os
import signal
import sys
import time
import traceback
from multiprocessing.connection import Connection
from pathlib import Path

from edgebuild.config.registries import STAGES
from edgebuild.graph.executors.executor import Failed, Progressed, Succeeded, Task
from edgebuild.graph.executors.remote_error import RemoteError, describe_error
from edgebuild.graph.stage import StageContext, StageKind
from edgebuild.model.fresh_source import import_from_source
from edgebuild.model.processes.die_with import die_with
from edgebuild.progress import Silent

_PROGRESS_PERIOD = 0.05
"""Seconds between two progress messages; training loops may report more often than anyone can look."""


class _PipeProgress:
    """Sends a stage's progress to the parent."""

    def __init__(self, pipe: Connection, stage_id: str) -> None:
        self._pipe = pipe
        self._stage_id = stage_id
        self._last = 0.0

    def update(self, fraction: float, message: str = "") -> None:
        now = time.monotonic()
        if now - self._last >= _PROGRESS_PERIOD or fraction >= 1:
            self._last = now
            self._pipe.send(Progressed(self._stage_id, min(max(float(fraction), 0.0), 1.0), message))

    def __reduce__(self) -> tuple[type[Silent], tuple[()]]:
        """In another process, such as one that trains with this one, it drops everything."""
        return Silent, ()


def serve(handle: int, parent: int) -> None:
    """Run stages until the parent closes the pipe `handle`; `parent` is its process id."""
    die_with(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what Ctrl-C means
    faulthandler.enable(file=2)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    sys.argv = ["edgebuild-worker"]
    os.set_inheritable(handle, False)
    pipe = Connection(handle)
    fresh_roots: set[Path] = set()
    while True:
        try:
            task: Task = pipe.recv()
        except EOFError:
            return
        if task.project_root not in fresh_roots:
            fresh_roots.add(task.project_root)
            import_from_source(task.project_root)
        pipe.send(run_task(task, pipe))


def run_task(task: Task, pipe: Connection) -> Succeeded | tuple[str, RemoteError]:
    """Run one stage in the project's folder, with its output going to its log; what it raises comes back in parts."""
    stage_id = task.stage.id
    root = str(task.project_root)
    sys.path.insert(0, root)
    started = time.monotonic()
    try:
        _print_into(task.log)
        kind = _find_kind(task)
        progress = _PipeProgress(pipe, stage_id)
        with contextlib.chdir(root):  # where the user's relative paths start, wherever the command was typed
            inputs = dict(task.inputs)
            kind.run(StageContext(task.stage, inputs, task.output, task.project_root, progress, task.checkpoints))
        sys.stdout.flush()
        return Succeeded(stage_id, time.monotonic() - started)
    except BaseException as error:  # noqa: BLE001  whatever it is, the worker lives on and the parent must hear of it
        with contextlib.suppress(OSError):
            traceback.print_exc()
        return stage_id, describe_error(error, stage_id, task.output, task.shown_log)
    finally:
        if root in sys.path:
            sys.path.remove(root)
        _flush()


def failed(message: tuple[str, RemoteError]) -> Failed:
    """The event behind what `run_task` returns for a failure."""
    stage_id, error = message
    return Failed(stage_id, error.rebuild())


def _find_kind(task: Task) -> StageKind:
    """Import the one module that has the kind, not every kind's; the registry knows where it is not that module."""
    importlib.import_module(task.kind_module)
    kind: StageKind = STAGES.registered(task.stage.kind) or STAGES.get(task.stage.kind)
    return kind


def _print_into(log: Path) -> None:
    """Let file descriptors 1 and 2 write to `log`, so that what C++ libraries print goes there too."""
    _flush()
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o666)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    os.close(handle)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError):  # the log's disk is full: the log is the least of our troubles
            stream.flush()
