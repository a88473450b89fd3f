"""A real adbd on a system like Android's: mksh for a shell, toybox for programs, a tmpfs for /data, its own network.

Android's own userland cannot run here; Debian has adbd, mksh and toybox, which are what an Android device has.
`python -m tests.device.adbd` fetches them ahead, into the user's cache.
"""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from edgebuild.device.sysroot import cache_folder, fetch_packages
from edgebuild.errors import ToolError

SUITE = "trixie"
"""The first Debian with adbd."""
PACKAGES = ("adbd", "mksh", "toybox")
RECIPE = "1"
SUITES = ("bookworm", "trixie", "forky", "stable", "testing", "sid", "unstable")
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
PORT = 15555
"""Not 5555, where adb looks for emulators by itself."""
ROOM = "48m"
"""What /data has."""
_NEW_NETWORK = 0x40000000
"""CLONE_NEWNET."""
BOOT = """
set -e
root=$1 room=$2 port=$3
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o "size=$room" none "$root/data"
mkdir -p "$root/data/local/tmp"
set -- env -i PATH=/usr/sbin:/usr/bin HOME=/ TMPDIR=/data/local/tmp "ADBD_PORT=$port"
exec chroot "$root" "$@" sh -c 'adbd & wait $!'
"""
"""What the first process of the device does; it collects dead ones, and all mounts and processes end with it."""


@cache
def missing() -> str:
    """Why there is no adbd here; empty where there is one, and in a CI whose kernel allows it: there it must be."""
    if os.uname().machine not in ARCHITECTURES:
        return f"no adbd for {os.uname().machine}"
    tried = subprocess.run(["unshare", "-nmpf", "true"], capture_output=True, text=True)
    if tried.returncode:
        why = tried.stderr.strip()
        return f"adbd needs a network of its own, and there can be none ({why}); try: unshare -r python -m pytest"
    if "CI" in os.environ:
        return ""
    try:
        system()
    except ToolError as error:
        return f"no adbd ({error.message}); python -m tests.device.adbd"
    return ""


def skip_without_adbd() -> None:
    """Skip the running test where there is no adbd."""
    pytest.importorskip("adbutils")
    if missing():
        pytest.skip(missing())


def system() -> Path:
    """The folder of the device's system, fetched (10 MB) if nobody did before.

    Raises:
        ToolError: apt is missing or failed, or has no Debian among its sources.
    """
    architecture = ARCHITECTURES[os.uname().machine]
    digest = hashlib.sha256("\0".join((SUITE, RECIPE, architecture, *PACKAGES)).encode()).hexdigest()[:12]
    folder = cache_folder() / f"adbd-{digest}"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with (folder.parent / "adbd.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.is_dir():
            with tempfile.TemporaryDirectory(dir=folder.parent, prefix="adbd-new-") as scratch:
                _make(Path(scratch), architecture)
                (Path(scratch) / "root").replace(folder)
    return folder


def _make(scratch: Path, architecture: str) -> None:
    root, sources = scratch / "root", scratch / "debian.list"
    sources.write_text(f"deb {_archive()} {SUITE} main\n")
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / "usr" / name).mkdir(parents=True)
        (root / name).symlink_to(f"usr/{name}")
    for name in ("dev", "proc", "sys", "data", "tmp"):
        (root / name).mkdir()
    for package in fetch_packages(scratch / "apt", architecture, PACKAGES, sources):
        subprocess.run(["dpkg-deb", "--extract", str(package), str(root)], check=True, capture_output=True)
    (root / "usr" / "bin" / "sh").symlink_to("mksh")
    (loader,) = root.glob("usr/lib*/ld-linux-*")
    (libraries,) = root.glob("usr/lib/*-linux-gnu*")
    command = [str(loader), "--library-path", str(libraries), str(root / "usr" / "bin" / "toybox")]
    for name in subprocess.run(command, check=True, capture_output=True, text=True).stdout.split():
        (root / "usr" / "bin" / name).symlink_to("toybox")


def _archive() -> str:
    """Where this machine's own Debian packages come from."""
    line = ["apt-get", "indextargets", "--format", "$(RELEASE) $(REPO_URI)", "Created-By: Packages"]
    try:
        told = subprocess.run(line, capture_output=True, text=True, check=False).stdout
    except FileNotFoundError:
        msg = "apt-get is missing"
        raise ToolError(msg) from None
    for row in told.splitlines():
        suite, _, address = row.partition(" ")
        if suite in SUITES:
            return address
    msg = "apt has no Debian among its sources"
    raise ToolError(msg)


@contextmanager
def own_network() -> Iterator[None]:
    """Put this thread, and what it starts from now on, into a network with a loopback interface and nothing else."""
    libc = ctypes.CDLL(None, use_errno=True)
    with Path("/proc/thread-self/ns/net").open() as before:
        if libc.unshare(_NEW_NETWORK):
            raise OSError(ctypes.get_errno(), "unshare")
        try:
            with socket.socket() as any_socket:  # SIOCSIFFLAGS, IFF_UP
                fcntl.ioctl(any_socket, 0x8914, struct.pack("16sh14x", b"lo", 1))
            yield
        finally:
            libc.setns(before.fileno(), _NEW_NETWORK)


@contextmanager
def adb_server(folder: Path) -> Iterator[None]:
    """Let an adb server start with keys and messages of its own, and end it."""
    import adbutils

    settings = {"ANDROID_USER_HOME": str(folder), "TMPDIR": str(folder), "ADB_MDNS": "0"}
    folder.mkdir(parents=True, exist_ok=True)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        for name in ("ANDROID_ADB_SERVER_PORT", "ANDROID_ADB_SERVER_HOST", "ANDROID_SERIAL"):
            patch.delenv(name, raising=False)
        try:
            yield
        finally:
            adbutils.AdbClient().server_kill()


@dataclass
class Phone:
    """A device that runs adbd; `folder` is for its messages."""

    folder: Path
    port: int = PORT
    process: subprocess.Popen[bytes] | None = None

    @property
    def serial(self) -> str:
        """As adb calls it."""
        return f"127.0.0.1:{self.port}"

    def options(self, **changes: Any) -> dict[str, Any]:
        """Options of a device file that reach it."""
        return {"serial": self.serial, **changes}

    def start(self) -> None:
        """Start it, and wait until it listens."""
        self.folder.mkdir(parents=True, exist_ok=True)
        command = ["unshare", "-mpf", "--kill-child", "sh", "-c", BOOT, "sh", str(system()), ROOM, str(self.port)]
        with (self.folder / "adbd.log").open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and self.process.poll() is None:
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise AssertionError((self.folder / "adbd.log").read_text())

    def stop(self) -> None:
        """End it with all of its processes: what a device does that loses its power."""
        assert self.process is not None
        os.kill(self.init, signal.SIGKILL)
        self.process.wait()

    @property
    def init(self) -> int:
        """The number of its first process on this machine."""
        assert self.process is not None
        return _child(self.process.pid)

    @property
    def adbd(self) -> int:
        """The number of its adbd on this machine."""
        return _child(self.init)

    @property
    def data(self) -> Path:
        """Its /data, as this machine sees it."""
        return self._root / "data"

    @property
    def home(self) -> Path:
        """Where work folders are made on the device."""
        return self.data / "local/tmp/edgebuild"

    def work_folders(self) -> list[str]:
        """What is left on the device."""
        return sorted(path.name for path in self.home.glob("work-*") if path.is_dir())

    def processes(self) -> int:
        """How many it has."""
        return sum(path.name.isdigit() for path in (self._root / "proc").iterdir())

    @property
    def _root(self) -> Path:
        return Path("/proc", str(self.init), "root")


def _child(pid: int) -> int:
    """The first one."""
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])


if __name__ == "__main__":
    if shutil.which("unshare") is None:
        sys.exit("unshare is missing: install util-linux")
    sys.stdout.write(f"adbd for tests: {system()}\n")
