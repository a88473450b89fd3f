"""The files of a Debian system for another processor, in a folder of the user's cache: nothing is installed here.

Packages come through apt from where this machine's own come, wheels through pip; both check what they fetch. Running
`python -m edgebuild.device.sysroot` fetches everything ahead, or what is named: `arm64`, `armhf`.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import importlib.metadata
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from edgebuild.device.guard import with_us
from edgebuild.errors import ToolError

COMMAND = "python -m edgebuild.device.sysroot"
RECIPE = 2
"""Raise it when what is made of the same packages changes."""
FETCH_SECONDS = 600

PYTHON = "3.11"
PACKAGES = (f"python{PYTHON}-minimal", f"libpython{PYTHON}-stdlib", "libstdc++6", "libgcc-s1", "zlib1g")
MORE_PACKAGES = {"arm64": (), "armhf": ("python3-numpy",)}
"""Debian's architecture -> what it needs besides: nobody publishes wheels of numpy for 32-bit Arm."""
DISTRIBUTIONS = ("ai-edge-litert", "numpy")
"""Wheels of the same versions as on this machine."""
OLD_RUNTIME = "tflite-runtime==2.14.0"
"""The newest runtime that there is for 32-bit Arm."""
PLATFORMS = {
    "arm64": ("manylinux_2_34_aarch64", "manylinux_2_28_aarch64", "manylinux_2_27_aarch64", "manylinux2014_aarch64"),
    "armhf": ("manylinux_2_34_armv7l",),
}
"""Debian's architecture -> the tags of wheels that its C library can load; pip takes a tag literally."""

LEAST_ROOM = 2**20
"""Bytes: a disk with less is full."""
_NEW = "sysroot-new-"
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_SAID_OF_NO_ROOM = ("No space left on device", "enough free space", "Disk quota exceeded")
"""In English, which programs are told to speak."""
_FULL = "the disk of the cache {} is full"
_ELSEWHERE = "make room there (a system takes 0.2 GB, and 0.3 GB at first), or let XDG_CACHE_HOME name another folder"
_TRY_AGAIN = f"look at the network and the settings of apt and pip, then: {COMMAND}; `device: host` does without"


@dataclass(frozen=True)
class Sysroot:
    """One system.

    Attributes:
        folder: what the emulator takes for `/`.
        wheels: where its Python finds packages.
        python: its interpreter, as the emulator is given it.
    """

    folder: Path

    @property
    def wheels(self) -> Path:
        """For PYTHONPATH."""
        return self.folder / "wheels"

    @property
    def python(self) -> Path:
        """A program of the other processor."""
        return self.folder / "usr" / "bin" / f"python{PYTHON}"


def cache_folder() -> Path:
    """Where edgebuild keeps what it fetched for this user."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "edgebuild"


def requirements(architecture: str) -> tuple[str, ...]:
    """The wheels that a sysroot has, like `numpy==2.4.6`.

    Raises:
        ToolError: one of them is not installed here, so that no version is known.
    """
    if architecture == "armhf":
        return (OLD_RUNTIME,)
    found = []
    for name in DISTRIBUTIONS:
        try:
            found.append(f"{name}=={importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            msg = f"{name} is not installed; the emulated board gets the same version"
            raise ToolError(msg, remedy="pip install 'edgebuild[tflite]'") from None
    return tuple(found)


def sysroot(architecture: str = "arm64") -> Sysroot:
    """The system for `architecture` (`arm64` or `armhf`), fetched (some 100 MB, a minute) if nobody did before.

    Raises:
        ToolError: apt or pip is missing or failed, or the cache is full or cannot be written.
    """
    wheels = requirements(architecture)
    packages = (*PACKAGES, *MORE_PACKAGES[architecture])
    content = "\0".join((architecture, str(RECIPE), *packages, *wheels, *PLATFORMS[architecture]))
    digest = hashlib.sha256(content.encode()).hexdigest()[:12]
    folder = cache_folder() / f"sysroot-{architecture}-{digest}"
    if not folder.is_dir():
        with _cache_errors(folder.parent), _one_at_a_time(folder.parent):
            if not folder.is_dir():
                _make(folder, architecture, packages, wheels)
    return Sysroot(folder)


@contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "sysroot.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _cache_errors(folder: Path) -> Iterator[None]:
    """An error of the file system inside names the cache."""
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        msg = _FULL.format(folder) if error.errno in _NO_ROOM else f"cannot write to the cache {folder}: {why}"
        raise ToolError(msg, remedy=_ELSEWHERE) from None


@contextmanager
def _failures_for_room(folder: Path) -> Iterator[None]:
    """A program that fails inside because there is no room left is not to blame; what it wrote is still there."""
    try:
        yield
    except ToolError as error:
        if _is_full(folder) or any(words in error.message for words in _SAID_OF_NO_ROOM):
            msg = f"{_FULL.format(folder)}: {error.message}"
            raise ToolError(msg, remedy=_ELSEWHERE) from None
        raise


def _is_full(folder: Path) -> bool:
    with suppress(OSError):
        return shutil.disk_usage(folder).free < LEAST_ROOM
    return False


def _make(folder: Path, architecture: str, packages: Sequence[str], wheels: Sequence[str]) -> None:
    for left in folder.parent.glob(f"{_NEW}*"):  # by a fetch that was killed: nobody else has the lock
        shutil.rmtree(left, ignore_errors=True)
    with (
        tempfile.TemporaryDirectory(dir=folder.parent, prefix=_NEW) as scratch,
        _failures_for_room(folder.parent),
    ):
        made = Path(scratch) / "root"
        made.mkdir(mode=0o755)
        for package in fetch_packages(Path(scratch) / "apt", architecture, packages):
            _run(["dpkg-deb", "--extract", str(package), str(made)], "unpack a Debian package")
        _choose_alternatives(made)
        for wheel in fetch_wheels(Path(scratch) / "pip", architecture, wheels):
            with zipfile.ZipFile(wheel) as archive:
                archive.extractall(made / "wheels")
        _precompile(made)
        made.replace(folder)


def _choose_alternatives(made: Path) -> None:
    """Link the libraries of which Debian has several, as its installer would."""
    for name in ("blas", "lapack"):
        for library in made.glob(f"usr/lib/*/{name}/lib{name}.so.3"):
            (library.parents[1] / library.name).symlink_to(f"{name}/{library.name}")


def _precompile(made: Path) -> None:
    """Let the emulated Python find compiled modules, which start in half the time; only the same Python writes them."""
    if f"{sys.version_info.major}.{sys.version_info.minor}" == PYTHON:
        folders = [made / "wheels", *(made / "usr" / "lib").glob("python3*")]
        quiet = [sys.executable, "-m", "compileall", "-qq", "--invalidation-mode=unchecked-hash"]
        subprocess.run([*quiet, *map(str, folders)], capture_output=True, check=False)


def fetch_packages(state: Path, architecture: str, packages: Sequence[str], sources: Path | None = None) -> list[Path]:
    """Fetch the .deb files of packages and of all that they need, into the new folder `state`.

    Args:
        state: where apt keeps its own files meanwhile.
        architecture: Debian's word for it.
        packages: their names.
        sources: a file that names where from; by default this machine's own sources.

    Raises:
        ToolError: apt is missing or failed.
    """
    for part in ("lists/partial", "cache/archives/partial"):
        (state / part).mkdir(parents=True)
    (state / "status").touch()
    settings = {
        "APT::Architecture": architecture,
        "APT::Architectures::": architecture,
        "APT::Install-Recommends": "0",
        "APT::Sandbox::User": "",
        "Acquire::Languages": "none",
        "Debug::NoLocking": "1",
        "Dir::State": str(state),
        "Dir::State::lists": str(state / "lists"),
        "Dir::State::status": str(state / "status"),
        "Dir::Cache": str(state / "cache"),
    }
    if sources is not None:
        settings |= {"Dir::Etc::sourcelist": str(sources), "Dir::Etc::sourceparts": "-"}
    apt = ["apt-get", "-q", "-y", *(f"-o{key}={value}" for key, value in settings.items())]
    install = [*apt, "install", "--download-only", *packages]
    try:
        _run([*apt, "update"], f"read the lists of {architecture} packages")
    except ToolError as error:
        # One of several sources may be out of order: what the others have is enough, or the first error counts.
        with suppress(ToolError):
            _run(install, f"fetch {architecture} packages")
            return sorted((state / "cache" / "archives").glob("*.deb"))
        raise error from None
    _run(install, f"fetch {architecture} packages")
    return sorted((state / "cache" / "archives").glob("*.deb"))


def fetch_wheels(folder: Path, architecture: str, wheels: Sequence[str]) -> list[Path]:
    """Fetch wheels like `numpy==2.4.6` for another architecture into the new folder.

    Raises:
        ToolError: pip failed.
    """
    folder.mkdir()
    tags = [f"--platform={tag}" for tag in PLATFORMS[architecture]]
    python = [f"--python-version={PYTHON}", "--implementation=cp", f"--abi=cp{PYTHON.replace('.', '')}"]
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    _run([*pip, "--only-binary=:all:", *python, *tags, f"--dest={folder}", *wheels], f"fetch {architecture} wheels")
    return sorted(folder.glob("*.whl"))


def _run(command: list[str], what: str) -> None:
    if shutil.which(command[0]) is None:
        msg = f"cannot {what}: {command[0]} is missing"
        raise ToolError(msg, remedy="emulated Linux boards need a Debian system; set `device: host` to do without")
    environment = {**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            with_us(command),
            capture_output=True,
            text=True,
            env=environment,
            timeout=FETCH_SECONDS,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        msg = f"cannot {what}: {command[0]} did not end within {FETCH_SECONDS} s, and was stopped"
        raise ToolError(msg, remedy=_TRY_AGAIN) from None
    if done.returncode:
        lines = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
        told = [line for line in lines if any(words in line for words in _SAID_OF_NO_ROOM)]
        told += [line for line in lines if line.startswith(("E:", "ERROR"))]
        why = [*told, *lines[-1:], "no reason"][0]
        msg = f"cannot {what}: {command[0]} ended with {done.returncode}: {why}"
        raise ToolError(msg, remedy=_TRY_AGAIN)


if __name__ == "__main__":
    architectures = sys.argv[1:] or list(PLATFORMS)
    try:
        places = [sysroot(architecture) for architecture in architectures]
    except ToolError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(int(error.exit_code))
    for architecture, place in zip(architectures, places, strict=True):
        sys.stdout.write(f"{architecture} system for emulated boards: {place.folder}\n")
