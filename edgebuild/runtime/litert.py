"""The runtimes `litert` (ai-edge-litert with XNNPACK, as it comes) and `litert-builtin` (without the delegate)."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from edgebuild.config.registries import RUNTIMES
from edgebuild.errors import ToolError
from edgebuild.runtime.installed import installed_version
from edgebuild.runtime.litert_child import time_in_child
from edgebuild.runtime.litert_flatbuffer import io_names, read_model
from edgebuild.runtime.litert_profile import profile_in_child
from edgebuild.runtime.litert_quiet import quiet
from edgebuild.runtime.session import OpTime, Runtime, TimedRun

DISTRIBUTION = "ai-edge-litert"


class LitertSession:
    """A .tflite file loaded in this process; a `edgebuild.runtime.session.Session`.

    `delegated`: operations run on XNNPACK where that has a kernel for them, as an app's would; else on LiteRT's own.
    """

    def __init__(self, file: Path, threads: int, *, delegated: bool = True) -> None:
        """Raises ConfigError where the file is not a .tflite, ToolError where the runtime cannot load it."""
        names = io_names(read_model(file))
        with quiet("LiteRT"):
            from ai_edge_litert.interpreter import Interpreter, OpResolverType

            kernels = OpResolverType.AUTO if delegated else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
            try:
                self._interpreter = Interpreter(
                    model_path=str(file), num_threads=threads, experimental_op_resolver_type=kernels
                )
                self._interpreter.allocate_tensors()
            except (RuntimeError, ValueError) as error:
                msg = f"LiteRT {version()} cannot load {file.name}: {str(error).strip()}"
                raise ToolError(msg) from error
        details = self._interpreter.get_input_details(), self._interpreter.get_output_details()
        self._inputs, self._outputs = (
            {name: int(detail["index"]) for name, detail in zip(names[side], details[side], strict=True)}
            for side in (0, 1)
        )

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run once; names are those of the file's signature.

        Raises:
            ValueError: an array is missing, or has another type or shape than the file's input.
        """
        for name, index in self._inputs.items():
            if name not in inputs:
                msg = f"input {name!r} is missing; the file has {list(self._inputs)}"
                raise ValueError(msg)
            self._interpreter.set_tensor(index, inputs[name])
        self._interpreter.invoke()
        return {name: self._interpreter.get_tensor(index) for name, index in self._outputs.items()}

    def close(self) -> None:
        """Free the file."""
        del self._interpreter


def version() -> str | None:
    """Version of the installed runtime; None where there is none."""
    return installed_version(DISTRIBUTION)


def time(file: Path, inputs: Mapping[str, Path], threads: int, runs: int, cpus: tuple[int, ...]) -> TimedRun:
    """Time `runs` inferences in a process of its own."""
    return time_in_child(Path(sys.executable), file, inputs, threads, runs, cpus)


def profile(file: Path, inputs: Mapping[str, Path], threads: int, runs: int) -> list[OpTime]:
    """Median time of every operation, each run alone (`edgebuild.runtime.litert_profile`)."""
    return list(profile_in_child(Path(sys.executable), file, inputs, threads, runs).operations)


def open_builtin(file: Path, threads: int) -> LitertSession:
    """Load `file` on LiteRT's own kernels."""
    return LitertSession(file, threads, delegated=False)


def time_builtin(file: Path, inputs: Mapping[str, Path], threads: int, runs: int, cpus: tuple[int, ...]) -> TimedRun:
    """As `time`, on LiteRT's own kernels."""
    return time_in_child(Path(sys.executable), file, inputs, threads, runs, cpus, delegated=False)


RUNTIMES.register("litert")(
    Runtime(
        title="LiteRT (ai-edge-litert) with XNNPACK",
        version=version,
        open=LitertSession,
        time=time,
        profile=profile,
        remedy=f"pip install {DISTRIBUTION}",
        distribution=DISTRIBUTION,
    )
)
RUNTIMES.register("litert-builtin")(
    Runtime(
        title="LiteRT (ai-edge-litert) on its own kernels, without XNNPACK",
        version=version,
        open=open_builtin,
        time=time_builtin,
        profile=profile,
        remedy=f"pip install {DISTRIBUTION}",
        distribution=DISTRIBUTION,
    )
)
