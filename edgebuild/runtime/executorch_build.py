"""The C++ runner: compiled on demand against the shared libraries that the executorch wheel ships."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

from edgebuild.device.compiled_once import compiled_once, run_compiler
from edgebuild.errors import ToolError
from edgebuild.runtime.executorch_file import executorch_folder, executorch_version

_LOG = logging.getLogger(__name__)
SOURCE = Path(__file__).parent / "native" / "runner.cpp"
FLAGS = (
    "-w",
    "-std=c++17",
    "-O2",
    "-DC10_USING_CUSTOM_GENERATED_MACROS",
    "-DET_EVENT_TRACER_ENABLED",
    "-DET_USE_THREADPOOL",
)
LIBRARIES = (
    "executorch_kernels_optimized",
    "executorch_backend_xnnpack",
    "executorch_kernels_quantized",
    "executorch_threadpool",
    "executorch_etdump",
    "executorch",
)


def build_runner() -> Path:
    """Return the runner for this machine, compiling it (a few seconds) if nobody did before.

    Raises:
        ToolError: executorch or g++ is missing, or the compiler failed.
    """
    folder = executorch_folder()
    # The library folder is the binary's search path.
    depends = (SOURCE.read_text(), str(executorch_version()), str(folder), *FLAGS, *LIBRARIES)
    return compiled_once("executorch-runner", depends, lambda binary: _compile(folder, binary))


def _compile(folder: Path, binary: Path) -> None:
    compiler = shutil.which("g++")
    if compiler is None:
        msg = "g++ is missing; it compiles the runner that measures .pte files"
        raise ToolError(msg, remedy="apt-get install g++")
    compile_runner(compiler, folder / "lib", str(folder / "lib"), binary)


def compile_runner(compiler: str, libraries: Path, search_path: str, binary: Path) -> None:
    """Compile the runner against `libraries`, which it looks for in `search_path` when it runs.

    Raises:
        ToolError: executorch is missing, or the compiler failed.
    """
    include = executorch_folder() / "include"
    command = [
        compiler,
        *FLAGS,
        f"-I{include}",
        f"-I{include / 'executorch/runtime/core/portable_type/c10'}",
        str(SOURCE),
        "-o",
        str(binary),
        f"-L{libraries}",
        "-Wl,--no-as-needed",
        *(f"-l{name}" for name in LIBRARIES),
        f"-Wl,-rpath,{search_path}",
        f"-Wl,-rpath-link,{libraries}",
    ]
    _LOG.info("compiling the executorch runner")
    run_compiler(command, "the executorch runner", "check that g++ understands C++17 (version 9 or newer)")
