"""The C++ runner for Android, whose programs are linked for another C library than Linux's.

The wheel of ExecuTorch has libraries for Linux and macOS only: the ones for Android come from its sources, built with
Android's NDK. Both are named by environment variables, as ExecuTorch's own scripts do.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from edgebuild.device.compiled_once import compiled_once, run_compiler
from edgebuild.errors import ConfigError, ToolError
from edgebuild.runtime.executorch_build import SOURCE

NDK, EXECUTORCH = "ANDROID_NDK", "EXECUTORCH_ANDROID"
PLATFORM = "android-28"
"""The oldest Android that the runner starts on: 9."""
ABIS: Mapping[str, str] = MappingProxyType(
    {"aarch64": "arm64-v8a", "armv7l": "armeabi-v7a", "armv8l": "armeabi-v7a", "x86_64": "x86_64"}
)
"""Architecture, as `uname -m` says it -> Android's word for it."""
_PROJECT = Path(__file__).parent / "native" / "android"
_REMEDY = (
    f"set {NDK} to the folder of Android's NDK, and {EXECUTORCH} to the one where ExecuTorch was installed "
    "for Android; docs/devices.md has the lines"
)


def android_bundle(architecture: str) -> Path:
    """The folder for `architecture`: `runner`, everything linked into it; built if nobody did before.

    Raises:
        ConfigError: there is none for this architecture.
        ToolError: the NDK, ExecuTorch for Android or CMake is missing, or the compiler failed.
    """
    if architecture not in ABIS:
        msg = f"there is no ExecuTorch runner for Android on {architecture}"
        raise ConfigError(msg, remedy=f"use a device of one of these: {', '.join(ABIS)}")
    toolchain = _required_file(NDK, "build/cmake/android.toolchain.cmake")
    package = _required_file(EXECUTORCH, "lib/cmake/ExecuTorch/executorch-config.cmake")
    description = (_PROJECT / "CMakeLists.txt").read_text()
    depends = (SOURCE.read_text(), description, architecture, PLATFORM, str(toolchain), *_library_digests(package))
    return compiled_once(
        f"executorch-android-{architecture}", depends, lambda folder: _make(folder, architecture, toolchain, package)
    )


def _required_file(variable: str, name: str) -> Path:
    """A file below the folder that an environment variable names."""
    value = os.environ.get(variable)
    if not value:
        msg = f"the device runs Android, and {variable} is not set: the runner for it cannot be built"
        raise ToolError(msg, remedy=_REMEDY)
    file = Path(value).expanduser() / name
    if not file.is_file():
        msg = f"{variable} is {value}, which has no {name}"
        raise ToolError(msg, remedy=_REMEDY)
    return file.resolve()


def _library_digests(package: Path) -> list[str]:
    """What is linked, so that another ExecuTorch gives another runner."""
    library = package.parents[2]
    return [hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(library.glob("*.a"))]


def _make(folder: Path, architecture: str, toolchain: Path, package: Path) -> None:
    cmake = shutil.which("cmake")
    if cmake is None:
        msg = "cmake is missing; it builds the ExecuTorch runner for Android"
        raise ToolError(msg, remedy="apt-get install -y --no-install-recommends cmake make")
    build = folder.parent / "build"
    settings = {
        "CMAKE_TOOLCHAIN_FILE": str(toolchain),
        "CMAKE_BUILD_TYPE": "Release",
        "ANDROID_ABI": ABIS[architecture],
        "ANDROID_PLATFORM": PLATFORM,
        "ANDROID_STL": "c++_static",
        "executorch_DIR": str(package.parent),
        "CMAKE_FIND_ROOT_PATH_MODE_PACKAGE": "BOTH",
    }
    configure = [cmake, "-S", str(_PROJECT), "-B", str(build), *(f"-D{key}={value}" for key, value in settings.items())]
    what, remedy = (
        "the ExecuTorch runner for Android",
        "see that NDK and ExecuTorch are for the same ABI, and versions fit",
    )
    run_compiler(configure, what, remedy)
    run_compiler([cmake, "--build", str(build), "--target", "runner"], what, remedy)
    folder.mkdir(parents=True)
    shutil.copy2(build / "runner", folder / "runner")
