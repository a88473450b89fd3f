"""A build's progress for people, on stderr: moving bars with the time left on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, TextIO

from edgebuild.graph.observer import Observer, Unobserved
from edgebuild.graph.result import BuildResult, StageResult
from edgebuild.graph.stage import Stage
from edgebuild.progress import format_duration

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_LINE_PERIOD = 10.0
"""Seconds between two progress lines of one stage where there is no terminal."""


@contextlib.contextmanager
def progress_display(stream: TextIO | None = None) -> Iterator[Observer]:
    """An observer that shows a build on `stream` (stderr); the terminal is as it was when the block ends."""
    out = sys.stderr if stream is None else stream
    if not out.isatty():
        yield LineDisplay(out)
        return
    display = BarDisplay(out)
    try:
        yield display
    finally:
        display.close()


def describe_result(result: StageResult) -> str:
    """One line on a settled stage: `built data in 0.4 s (it was never built)`."""
    if result.error is not None:
        return f"failed {result.stage_id}: {result.error.message.partition(chr(10))[0]}"
    if result.status == "skipped":
        return f"skipped {result.stage_id}: {result.reason}"
    causes = f" ({'; '.join(result.causes)})" if result.causes else ""
    took = f" in {format_duration(result.seconds)}" if result.ran and result.seconds is not None else ""
    line = f"{'built' if result.ran else 'cached'} {result.stage_id}{took}{causes}"
    return f"{line}; {result.reason}" if result.reason is not None else line


def describe_end(result: BuildResult) -> str:
    """One line on a finished build: `9 stages: 2 built, 7 cached`."""
    ran = sum(stage.ran for stage in result.stages.values())
    taken = sum(not stage.ran and stage.artifact is not None for stage in result.stages.values())
    counts = (
        (ran, "built"),
        (taken, "cached"),
        (result.count("failed"), "failed"),
        (result.count("skipped"), "skipped"),
    )
    return f"{len(result.stages)} stages: " + ", ".join(f"{number} {word}" for number, word in counts if number)


def describe_interruption(done: int, left: int) -> str:
    """One line on a build that the user stopped."""
    return f"interrupted: {done} stages are done and kept, {left} are left; build again to go on"


class LineDisplay(Unobserved):
    """One line per event, for logs; cached stages are only counted at the end."""

    def __init__(self, stream: TextIO) -> None:
        """`stream` takes the lines."""
        self._stream = stream
        self._last: dict[str, float] = {}
        self._left = ""

    def stage_started(self, stage: Stage, causes: Sequence[str]) -> None:
        """Say what starts and why."""
        self._last[stage.id] = time.monotonic()
        self._line(f"start {stage.id}: {'; '.join(causes)}")

    def stage_waiting(self, stage: Stage, reason: str) -> None:
        """Say what waits."""
        self._line(f"wait {stage.id}: {reason}")

    def stage_progress(self, stage: Stage, fraction: float, message: str) -> None:
        """Say how far a long stage is, now and then."""
        now = time.monotonic()
        if now - self._last.get(stage.id, now) >= _LINE_PERIOD:
            self._last[stage.id] = now
            self._line(f"{stage.id}: {fraction:.0%} {message}{self._left}".rstrip())

    def stage_finished(self, result: StageResult) -> None:
        """Say what became of a stage."""
        if result.status != "cached":
            self._line(describe_result(result))

    def time_left(self, seconds: float | None) -> None:
        """Remember it for the next line."""
        self._left = "" if seconds is None else f", {format_duration(seconds)} left"

    def build_finished(self, result: BuildResult) -> None:
        """Count."""
        self._line(describe_end(result))

    def build_interrupted(self, done: int, left: int) -> None:
        """Say what is kept."""
        self._line(describe_interruption(done, left))

    def _line(self, text: str) -> None:
        self._stream.write(f"{text}\n")
        self._stream.flush()


class BarDisplay(Unobserved):
    """A bar for the build with the time left, and one for every running stage; what is done scrolls above them."""

    def __init__(self, stream: TextIO) -> None:
        """`stream` is a terminal."""
        self._stream = stream
        self._progress: Progress | None = None
        self._whole: TaskID | None = None
        self._bars: dict[str, TaskID] = {}

    def build_started(self, stages: Sequence[Stage]) -> None:
        """Show the bar of the whole build."""
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}", style="dim"),
            console=Console(file=self._stream, highlight=False),
            transient=True,
        )
        self._progress.start()
        self._whole = self._progress.add_task("build", total=len(stages), note="")

    def stage_started(self, stage: Stage, causes: Sequence[str]) -> None:
        """Add a bar."""
        if self._progress is not None:
            self._bars[stage.id] = self._progress.add_task(stage.id, total=1.0, note="; ".join(causes))

    def stage_waiting(self, stage: Stage, reason: str) -> None:
        """Add a bar that does not move."""
        if self._progress is not None:
            self._bars[stage.id] = self._progress.add_task(stage.id, total=None, note=reason)

    def stage_progress(self, stage: Stage, fraction: float, message: str) -> None:
        """Move the stage's bar."""
        if self._progress is not None and stage.id in self._bars:
            self._progress.update(self._bars[stage.id], completed=fraction, note=message)

    def stage_finished(self, result: StageResult) -> None:
        """Replace the bar by a line, and move the build's."""
        if self._progress is None or self._whole is None:
            return
        bar = self._bars.pop(result.stage_id, None)
        if bar is not None:
            self._progress.remove_task(bar)
        if result.status != "cached":
            self._progress.console.print(describe_result(result), markup=False)
        self._progress.advance(self._whole)

    def time_left(self, seconds: float | None) -> None:
        """Show it beside the build's bar."""
        if self._progress is not None and self._whole is not None:
            note = "" if seconds is None else f"{format_duration(seconds)} left"
            self._progress.update(self._whole, note=note)

    def build_finished(self, result: BuildResult) -> None:
        """Take the bars away and count."""
        self.close()
        self._stream.write(f"{describe_end(result)}\n")

    def build_interrupted(self, done: int, left: int) -> None:
        """Take the bars away and say what is kept."""
        self.close()
        self._stream.write(f"{describe_interruption(done, left)}\n")

    def close(self) -> None:
        """Take the bars away; doing it twice is fine."""
        if self._progress is not None:
            self._progress.stop()
            self._progress = None
