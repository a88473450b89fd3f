"""The runtime `c`: a library that edgebuild compiled from a model, built by this host's compiler and called directly.

Beside the file lie `library.json` with the model's ports and `host/` with the same model in plain C99: the file itself
may hold instructions of a microcontroller.
"""

from __future__ import annotations

import ctypes
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from edgebuild.config.registries import RUNTIMES
from edgebuild.device.compiled_once import compiled_once, run_compiler
from edgebuild.device.toolchain import find_program, program_version
from edgebuild.errors import ConfigError, ToolError
from edgebuild.runtime.child import run_child
from edgebuild.runtime.session import OpTime, Runtime, TimedRun

FACTS = "library.json"
HOST = "host"
SOURCE = "model.tflite"
_FLAGS = ("-std=c99", "-O2", "-shared", "-fPIC")
_ALIGNMENT = 16


@dataclass(frozen=True)
class Port:
    """One input or output: its bytes lie in the arena at what the library's function returns."""

    name: str
    shape: tuple[int, ...]
    dtype: str
    function: str


class CLibrarySession:
    """A generated library loaded in this process; a `edgebuild.runtime.session.Session`."""

    def __init__(self, file: Path, threads: int) -> None:
        """Compile and load; `threads` changes nothing, the library has one.

        Raises:
            ConfigError: there is no library of edgebuild at `file`.
            ToolError: no compiler, or it failed.
        """
        del threads
        facts = read_facts(file)
        prefix = facts["prefix"]
        self._library = ctypes.CDLL(str(build_host_library(file)))
        self._invoke = self._library[f"{prefix}_invoke"]
        self._invoke.argtypes, self._invoke.restype = [ctypes.c_void_p], None
        self._inputs, self._outputs = (_ports(facts, prefix, side) for side in ("input", "output"))
        # The arena of the plain kernels: they may need other working memory than those of the core.
        size = read_facts(file, "host_arena_bytes")
        self._memory = np.zeros(size + _ALIGNMENT, np.uint8)
        address = self._memory.ctypes.data
        self._arena = ctypes.c_void_p(address + -address % _ALIGNMENT)

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the inputs, in the library's order."""
        return tuple(port.name for port in self._inputs)

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run once."""
        self.feed(inputs)
        self.invoke()
        return self.results()

    def feed(self, inputs: Mapping[str, np.ndarray]) -> None:
        """Copy one sample into the arena.

        Raises:
            ConfigError: an input is missing, or has another type or number of values.
        """
        for port in self._inputs:
            if port.name not in inputs:
                msg = f"input {port.name!r} is missing; found {', '.join(inputs)}"
                raise ConfigError(msg)
            array = np.ascontiguousarray(inputs[port.name])
            if array.dtype != port.dtype or array.size != int(np.prod(port.shape)):
                found = f"{array.dtype} of {array.size} values"
                msg = f"input {port.name!r}: found {found}, expected {port.dtype} of shape {list(port.shape)}"
                raise ConfigError(msg)
            ctypes.memmove(self._address(port), array.ctypes.data, array.nbytes)

    def invoke(self) -> None:
        """Run the model on what is in the arena."""
        self._invoke(self._arena)

    def results(self) -> dict[str, np.ndarray]:
        """Copies of the outputs."""
        found = {}
        for port in self._outputs:
            array = np.empty(port.shape, port.dtype)
            ctypes.memmove(array.ctypes.data, self._address(port), array.nbytes)
            found[port.name] = array
        return found

    def close(self) -> None:
        """Free the arena; the library stays loaded, as nothing can unload it safely."""
        del self._memory

    def _address(self, port: Port) -> int:
        function = self._library[port.function]
        function.argtypes, function.restype = [ctypes.c_void_p], ctypes.c_void_p
        return int(function(self._arena))


def read_facts(file: Path, key: str | None = None) -> Any:
    """What `library.json` beside a generated source says; one value of it where `key` is given.

    Raises:
        ConfigError: there is none.
    """
    try:
        facts = json.loads((file.parent / FACTS).read_text())
    except (OSError, ValueError):
        msg = f"{file.name}: no {FACTS} of edgebuild lies beside it"
        raise ConfigError(msg, remedy="give a file that `edgebuild compile` or a target of format c made") from None
    return facts if key is None else facts[key]


def _ports(facts: Mapping[str, Any], prefix: str, side: str) -> tuple[Port, ...]:
    return tuple(
        Port(port["name"], tuple(port["shape"]), port["dtype"], f"{prefix}_{side}_{number}")
        for number, port in enumerate(facts[f"{side}s"])
    )


def build_host_library(file: Path) -> Path:
    """The shared library of `host/` beside `file`, compiled if nobody did before.

    Raises:
        ToolError: no compiler, or it failed.
    """
    folder = file.parent / HOST
    source = folder / file.name
    header = folder / f"{file.stem}.h"
    compiler = find_program("gcc")
    depends = (source.read_text(), header.read_text(), program_version(compiler), *_FLAGS)
    command = [compiler, *_FLAGS, "-o"]
    return compiled_once(
        "c-library",
        depends,
        lambda made: run_compiler([*command, str(made), str(source)], file.name, "report the model that it came from"),
    )


def version() -> str | None:
    """Version of the host's C compiler; None where there is none."""
    try:
        return program_version(find_program("gcc"))
    except ToolError:
        return None


def time(file: Path, inputs: Mapping[str, Path], threads: int, runs: int, cpus: tuple[int, ...]) -> TimedRun:
    """Time `runs` inferences in a process of its own."""
    build_host_library(file)
    job = {
        "file": str(file.resolve()),
        "inputs": {name: str(path.resolve()) for name, path in inputs.items()},
        "threads": threads,
        "runs": runs,
        "cpus": sorted(cpus),
    }
    found = run_child([sys.executable, "-m", "edgebuild.runtime.c_worker"], job, file.name)
    return TimedRun(**{**found, "milliseconds": tuple(found["milliseconds"])})


def profile(file: Path, inputs: Mapping[str, Path], threads: int, runs: int) -> list[OpTime]:
    """The model as one operation: what each layer takes is counted on the emulated core."""
    return [OpTime("model", None, median(time(file, inputs, threads, runs, ()).milliseconds), runs)]


RUNTIMES.register("c")(
    Runtime(
        title="the generated C, compiled for this host",
        version=version,
        open=CLibrarySession,
        time=time,
        profile=profile,
        remedy="apt-get install gcc libc6-dev",
    )
)
