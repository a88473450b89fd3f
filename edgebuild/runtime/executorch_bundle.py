"""The C++ runner with the shared libraries it needs, in one folder for a device that has neither Python nor torch.

`python -m edgebuild.runtime.executorch_bundle aarch64` makes one ahead.
"""

from __future__ import annotations

import shutil
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path

from edgebuild.device.compiled_once import compiled_once
from edgebuild.device.sysroot import fetch_wheels
from edgebuild.device.toolchain import find_program
from edgebuild.errors import ConfigError, EdgebuildError
from edgebuild.runtime.executorch_android import android_bundle
from edgebuild.runtime.executorch_build import FLAGS, LIBRARIES, SOURCE, compile_runner
from edgebuild.runtime.executorch_file import executorch_folder, executorch_version

RUNNER = "runner"
COMPILERS = {"x86_64": "g++", "aarch64": "aarch64-linux-gnu-g++"}
"""Architecture, as `uname -m` says it -> the compiler for it."""
_WHEELS = {"aarch64": "arm64"}
"""Architectures other than this machine's -> Debian's word for it; their libraries come with the wheel for it."""


def bundle_for(properties: Mapping[str, str]) -> Path:
    """The folder with `runner` for a device that says this of itself (`edgebuild.device.transport`).

    Raises:
        ConfigError: there is none for this device.
        ToolError: something that makes it is missing here, or failed.
    """
    make = android_bundle if "android" in properties else executorch_bundle
    return make(properties["architecture"])


def executorch_bundle(architecture: str) -> Path:
    """The folder for `architecture`: `runner`, and `lib/` beside it; made (half a minute) if nobody did before.

    Raises:
        ConfigError: there is none for this architecture.
        ToolError: a compiler is missing or failed, or the wheel cannot be fetched.
    """
    if architecture not in COMPILERS:
        msg = f"there is no ExecuTorch runner for {architecture}"
        raise ConfigError(msg, remedy=f"use a device of one of these: {', '.join(COMPILERS)}")
    depends = (SOURCE.read_text(), str(executorch_version()), architecture, "1", *FLAGS, *LIBRARIES)
    return compiled_once(f"executorch-{architecture}", depends, lambda folder: _make(folder, architecture))


def _make(folder: Path, architecture: str) -> None:
    compiler = find_program(COMPILERS[architecture])
    library = executorch_folder() / "lib"
    unpacked = folder.parent / "wheel"
    if architecture in _WHEELS:
        required = [f"executorch=={executorch_version()}"]
        (wheel,) = fetch_wheels(folder.parent / "fetched", _WHEELS[architecture], required)
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(unpacked)
        library = unpacked / "executorch" / "lib"
    (folder / "lib").mkdir(parents=True)
    for name in LIBRARIES:
        shutil.copyfile(library / f"lib{name}.so", folder / "lib" / f"lib{name}.so")
    compile_runner(compiler, library, "$ORIGIN/lib", folder / RUNNER)


if __name__ == "__main__":
    try:
        made = executorch_bundle(sys.argv[1])
    except EdgebuildError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(int(error.exit_code))
    sys.stdout.write(f"ExecuTorch's runner for {sys.argv[1]}: {made}\n")
