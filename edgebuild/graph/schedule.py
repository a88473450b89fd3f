"""Running a build: what is cached is taken, what is not is made, and a failure stops only what depends on it."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from edgebuild.config.registries import STAGES
from edgebuild.errors import EdgebuildError, InternalError
from edgebuild.graph.estimate_time import TimeEstimate
from edgebuild.graph.executors.executor import EXECUTORS, Event, Executor, Failed, Progressed, Task
from edgebuild.graph.explain import run_causes
from edgebuild.graph.file_lock import FileLock
from edgebuild.graph.graph import Graph
from edgebuild.graph.key import KeyMaker, StageKey
from edgebuild.graph.observer import Observer
from edgebuild.graph.records import KeyRecord
from edgebuild.graph.result import BuildResult, StageResult
from edgebuild.graph.settle import changed_meanwhile, failure, from_entry, skipped
from edgebuild.graph.stage import Stage, StageKind
from edgebuild.graph.store import Entry, Store

_LOCK_PERIOD = 0.1
"""Seconds between two looks whether another build has finished a stage that this one waits for."""
_TIME_LEFT_PERIOD = 1.0


def default_jobs() -> int:
    """Stages that run at once if nobody says otherwise: the cores this process may use, at most two."""
    return min(2, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def execute(
    graph: Graph,
    store: Store,
    project_root: Path,
    *,
    jobs: int,
    observer: Observer,
    executor: str = "local",
) -> BuildResult:
    """Bring every stage of the graph up to date.

    A stage that fails is in the result with its error; only what depends on it is skipped.

    Args:
        graph: the stages.
        store: from `open_store`.
        project_root: folder of edgebuild.yaml.
        jobs: how many stages run at once, at least 1.
        observer: told of every event.
        executor: name in EXECUTORS.

    Raises:
        StoreError: the store cannot be used at all.
        KeyboardInterrupt: the user stopped the build; workers are gone, finished stages are kept.
    """
    with store.session():
        build = _Build(graph, store, project_root.resolve(), max(1, jobs), observer, executor)
        try:
            result = build.run()
        except KeyboardInterrupt:
            observer.build_interrupted(*build.counts())
            raise
        finally:
            build.close()
    observer.build_finished(result)
    return result


@dataclass
class _Ready:
    """A stage whose inputs are there and which has to be made."""

    stage: Stage
    kind: StageKind
    key: StageKey
    causes: tuple[str, ...]
    waiting: bool = False


@dataclass
class _Running:
    """A stage that is being made, and those of the same key that wait for it."""

    ready: _Ready
    lock: FileLock
    output: Path
    started: float
    fraction: float = 0.0
    followers: list[_Ready] = field(default_factory=list)


class _Build:
    def __init__(
        self, graph: Graph, store: Store, project_root: Path, jobs: int, observer: Observer, executor: str
    ) -> None:
        self._graph = graph
        self._store = store
        self._root = project_root
        self._jobs = jobs
        self._observer = observer
        self._executor_name = executor
        self._executor: Executor | None = None
        self._files = store.file_digester()
        self._keys = KeyMaker(project_root, self._files)
        self._pending = {stage.id: stage for stage in graph}
        self._ready: dict[str, _Ready] = {}
        self._running: dict[str, _Running] = {}
        self._results: dict[str, StageResult] = {}
        self._time = TimeEstimate(graph, store)
        self._last_estimate = 0.0

    def run(self) -> BuildResult:
        """Loop until every stage is settled."""
        self._observer.build_started(self._graph.order())
        while self._pending or self._ready or self._running:
            self._look_up()
            self._dispatch()
            if not self._running and not self._ready:
                continue
            for event in self._poll():
                self._handle(event)
            self._tell_time()
        return BuildResult({stage.id: self._results[stage.id] for stage in self._graph})

    def counts(self) -> tuple[int, int]:
        """Stages that are settled, and that are not."""
        return len(self._results), len(self._graph) - len(self._results)

    def close(self) -> None:
        """Stop the workers, drop what they were making, and keep the digests of the user's files."""
        if self._executor is not None:
            self._executor.close()
        for running in self._running.values():
            self._store.discard(running.output)
            running.lock.release()
        self._files.save()

    def _look_up(self) -> None:
        """Settle or make ready every stage whose inputs are settled."""
        for stage in list(self._pending.values()):
            sources = [self._results.get(source) for source in stage.inputs.values()]
            settled = [source for source in sources if source is not None]
            if len(settled) < len(sources):
                continue
            del self._pending[stage.id]
            blocker = next((source for source in settled if source.status not in ("built", "cached")), None)
            if blocker is not None:
                self._settle(skipped(stage, blocker))
                continue
            try:
                self._take_or_ready(stage)
            except EdgebuildError as error:
                self._settle(failure(stage, error))

    def _take_or_ready(self, stage: Stage) -> None:
        kind: StageKind = STAGES.get(stage.kind)
        digests = {role: self._results[source].digest or "" for role, source in stage.inputs.items()}
        key = self._keys.make(stage, kind, digests)
        presence, entry = self._store.find(key.key)
        if entry is not None:
            self._take(stage, kind, entry)
            return
        causes = run_causes(stage, key, presence, self._store.last(stage.id), self._results)
        self._ready[stage.id] = _Ready(stage, kind, key, tuple(causes))

    def _take(self, stage: Stage, kind: StageKind, entry: Entry, causes: tuple[str, ...] = ()) -> None:
        self._store.remember(stage.id, _as_of(stage, entry.record))
        self._settle(from_entry(stage, kind, entry, causes=causes, ran=bool(causes)))

    def _dispatch(self) -> None:
        """Start what may start: first the stages with the longest chain behind them, exclusive ones alone."""
        order = sorted(self._ready.values(), key=lambda r: (r.kind.exclusive, -self._time.chain(r.stage.id)))
        by_key = {running.ready.key.key: running for running in self._running.values()}
        for ready in order:
            leader = by_key.get(ready.key.key)
            if leader is not None:
                leader.followers.append(self._ready.pop(ready.stage.id))
            elif self._may_start(ready) and self._start(ready):
                by_key[ready.key.key] = self._running[ready.stage.id]

    def _may_start(self, ready: _Ready) -> bool:
        alone = any(running.ready.kind.exclusive for running in self._running.values())
        return len(self._running) < self._jobs and not alone and not (ready.kind.exclusive and self._running)

    def _start(self, ready: _Ready) -> bool:
        """Start a stage, or take its artifact if another build has made it meanwhile; False where nothing runs."""
        stage = ready.stage
        lock = output = None
        try:
            lock = self._store.lock(ready.key.key)
            if lock is None:
                self._wait(ready)
                return False
            _, entry = self._store.find(ready.key.key)
            if entry is None:
                output = self._store.workspace()
                self._observer.stage_started(stage, ready.causes)
                self._submit(ready, output)
                del self._ready[stage.id]
                self._running[stage.id] = _Running(ready, lock, output, time.monotonic())
                return True
            del self._ready[stage.id]
            self._take(stage, ready.kind, entry)
        except EdgebuildError as error:
            self._ready.pop(stage.id, None)
            self._settle(failure(stage, error, ready.key.key, ready.causes))
            if output is not None:
                self._store.discard(output)
        if lock is not None:
            lock.release()
        return False

    def _submit(self, ready: _Ready, output: Path) -> None:
        if self._executor is None:
            self._executor = EXECUTORS.get(self._executor_name)(self._jobs)
        inputs = {role: _folder(self._results[source]).resolve() for role, source in ready.stage.inputs.items()}
        log = self._store.log_path(ready.stage.id).resolve()
        module = str(getattr(ready.kind.run, "__module__", ""))
        checkpoints = self._store.checkpoints_path(ready.key.key).resolve()
        self._executor.submit(Task(ready.stage, module, inputs, output.resolve(), self._root, log, checkpoints))

    def _wait(self, ready: _Ready) -> None:
        if not ready.waiting:
            ready.waiting = True
            self._observer.stage_waiting(ready.stage, "another build is making it")

    def _poll(self) -> list[Event]:
        if self._executor is None or not self._running:
            time.sleep(_LOCK_PERIOD)
            return []
        waiting = any(ready.waiting for ready in self._ready.values())
        return self._executor.poll(_LOCK_PERIOD if waiting else _TIME_LEFT_PERIOD)

    def _handle(self, event: Event) -> None:
        running = self._running[event.stage_id]
        if isinstance(event, Progressed):
            running.fraction = event.fraction
            self._observer.stage_progress(running.ready.stage, event.fraction, event.message)
            return
        del self._running[event.stage_id]
        try:
            if isinstance(event, Failed):
                self._fail(running, event.error)
            else:
                self._finish(running, event.seconds)
        except EdgebuildError as error:
            self._fail(running, error)
        finally:
            self._store.discard(running.output)
            running.lock.release()

    def _finish(self, running: _Running, seconds: float) -> None:
        ready = running.ready
        record = KeyRecord(
            key=ready.key.key,
            artifact="",
            stage=ready.stage.id,
            components=ready.key.components,
            seconds=round(seconds, 3),
            created=round(time.time(), 3),
            sources=dict(ready.stage.inputs),
        )
        changed = changed_meanwhile(ready.stage, ready.kind, ready.key, KeyMaker(self._root, self._files))
        entry = self._store.commit(running.output, record, keep_key=not changed)
        self._store.discard(self._store.checkpoints_path(ready.key.key))
        self._take(ready.stage, ready.kind, entry, ready.causes)
        for follower in running.followers:
            self._take(follower.stage, follower.kind, entry)

    def _fail(self, running: _Running, error: EdgebuildError) -> None:
        for ready in (running.ready, *running.followers):
            if ready.stage.id not in self._results:
                self._settle(failure(ready.stage, error, ready.key.key, ready.causes))

    def _settle(self, result: StageResult) -> None:
        self._results[result.stage_id] = result
        self._observer.stage_finished(result)

    def _tell_time(self) -> None:
        now = time.monotonic()
        if now - self._last_estimate < _TIME_LEFT_PERIOD:
            return
        self._last_estimate = now
        unsettled = [stage.id for stage in self._graph if stage.id not in self._results]
        running = {stage_id: (now - run.started, run.fraction) for stage_id, run in self._running.items()}
        self._observer.time_left(self._time.remaining(unsettled, running, self._jobs))


def _as_of(stage: Stage, record: KeyRecord) -> KeyRecord:
    """The record as the stage's own: its inputs may come from other stages than those of the stage that made it."""
    return KeyRecord(**{**vars(record), "sources": dict(stage.inputs)})


def _folder(result: StageResult) -> Path:
    if result.artifact is None:
        msg = f"{result.stage_id} is read but has no artifact"
        raise InternalError(msg)
    return result.artifact
