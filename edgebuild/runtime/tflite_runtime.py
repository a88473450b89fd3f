"""The runtime `tflite-runtime`: 2.14.0, the newest for 32-bit Pis, in an environment of its own (it needs numpy 1)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from edgebuild.config.registries import RUNTIMES
from edgebuild.errors import ToolError
from edgebuild.runtime.litert_child import ChildSession, time_in_child
from edgebuild.runtime.litert_profile import profile_in_child
from edgebuild.runtime.session import OpTime, Runtime, TimedRun
from edgebuild.runtime.tflite_runtime_install import COMMAND, VERSION, environment_python


def _python() -> Path:
    python = environment_python()
    if not python.exists():
        msg = f"tflite-runtime {VERSION} is not installed: {python} is missing"
        raise ToolError(msg, remedy=COMMAND)
    return python


def version() -> str | None:
    """2.14.0 where its environment exists, else None."""
    return VERSION if environment_python().exists() else None


def open_session(file: Path, threads: int) -> ChildSession:
    """Load `file` in a child process.

    Raises:
        ToolError: the runtime is not installed, or cannot load the file.
    """
    return ChildSession(_python(), file, threads)


def time(file: Path, inputs: Mapping[str, Path], threads: int, runs: int, cpus: tuple[int, ...]) -> TimedRun:
    """Time `runs` inferences in a process of its own."""
    return time_in_child(_python(), file, inputs, threads, runs, cpus)


def profile(file: Path, inputs: Mapping[str, Path], threads: int, runs: int) -> list[OpTime]:
    """Median time of every operation, each run alone (`edgebuild.runtime.litert_profile`)."""
    return list(profile_in_child(_python(), file, inputs, threads, runs).operations)


RUNTIMES.register("tflite-runtime")(
    Runtime(
        title=f"tflite-runtime {VERSION}, the last for 32-bit Arm",
        version=version,
        open=open_session,
        time=time,
        profile=profile,
        remedy=COMMAND,
        same_kernels="litert-builtin",
    )
)
