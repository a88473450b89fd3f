"""The C++ runner: compiled on demand against the shared libraries that the executorch wheel ships.

The binary lies in `<sys.prefix>/var/edgebuild/` under a name that contains the digest of its source, its flags and the
executorch version, so that several processes and versions never meet; it is compiled aside and renamed.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from edgebuild.errors import ToolError
from edgebuild.runtime.executorch_file import executorch_folder, executorch_version

_LOG = logging.getLogger(__name__)
_SOURCE = Path(__file__).parent / "native" / "runner.cpp"
_FLAGS = (
    "-w",
    "-std=c++17",
    "-O2",
    "-DC10_USING_CUSTOM_GENERATED_MACROS",
    "-DET_EVENT_TRACER_ENABLED",
    "-DET_USE_THREADPOOL",
)
_LIBRARIES = (
    "executorch_kernels_optimized",
    "executorch_backend_xnnpack",
    "executorch_kernels_quantized",
    "executorch_threadpool",
    "executorch_etdump",
    "executorch",
)
_COMPILE_SECONDS = 300


def build_runner() -> Path:
    """Return the runner for this machine, compiling it (a few seconds) if nobody did before.

    Raises:
        ToolError: executorch or g++ is missing, or the compiler failed.
    """
    folder = executorch_folder()
    target = Path(sys.prefix) / "var" / "edgebuild" / f"executorch-runner-{_digest(folder)}"
    if target.exists():
        return target
    compiler = shutil.which("g++")
    if compiler is None:
        msg = "g++ is missing; it compiles the runner that measures .pte files"
        raise ToolError(msg, remedy="apt-get install g++")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
            binary = Path(scratch) / "runner"
            _compile(compiler, folder, binary)
            binary.replace(target)
    except OSError as error:
        msg = f"{target}: cannot be written: {error.strerror}"
        raise ToolError(msg, remedy="make the folder writable, or free space on its disk") from None
    return target


def _digest(folder: Path) -> str:
    """Of everything the binary depends on; the library folder is part of it (it is the binary's search path)."""
    parts = (_SOURCE.read_text(), str(executorch_version()), str(folder), *_FLAGS, *_LIBRARIES)
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _compile(compiler: str, folder: Path, binary: Path) -> None:
    include = folder / "include"
    command = [
        compiler,
        *_FLAGS,
        f"-I{include}",
        f"-I{include / 'executorch/runtime/core/portable_type/c10'}",
        str(_SOURCE),
        "-o",
        str(binary),
        f"-L{folder / 'lib'}",
        "-Wl,--no-as-needed",
        *(f"-l{name}" for name in _LIBRARIES),
        f"-Wl,-rpath,{folder / 'lib'}",
    ]
    _LOG.info("compiling the executorch runner")
    environment = {**os.environ, "LC_ALL": "C"}
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=_COMPILE_SECONDS, check=False
    )
    if done.returncode:
        first = next((line for line in done.stderr.splitlines() if "error" in line), done.stderr.strip()[:500])
        msg = f"g++ cannot compile the executorch runner (exit code {done.returncode}): {first}"
        raise ToolError(msg, remedy="check that g++ understands C++17 (version 9 or newer)")
