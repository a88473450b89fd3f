"""A real ssh server on the loopback interface, with keys and a configuration of its own."""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

SSHD = shutil.which("sshd", path="/usr/sbin:/usr/local/sbin:" + os.environ.get("PATH", ""))

CONFIGURATION = """
Port {port}
ListenAddress {address}
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/authorized_keys
PidFile none
StrictModes no
UsePAM no
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
MaxStartups 100
MaxSessions 100
Subsystem sftp internal-sftp
"""


@dataclass
class Server:
    """A server, its files in `folder`, and the lines before it with which it is started."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    prefix: tuple[str, ...] = field(default=())

    @property
    def home(self) -> Path:
        """Where work folders are made on the device."""
        return self.folder / "device"

    def options(self, **changes: Any) -> dict[str, Any]:
        """Options of a device file that reach it."""
        options = {
            "host": "127.0.0.1",
            "port": self.port,
            "user": getpass.getuser(),
            "key": str(self.folder / "user_key"),
            "known_hosts": str(self.folder / "known_hosts"),
            "folder": str(self.home),
        }
        return {key: value for key, value in {**options, **changes}.items() if value is not None}

    def start(self) -> None:
        """Start it, and wait until it listens."""
        assert SSHD is not None
        if os.getuid() == 0:
            Path("/run/sshd").mkdir(exist_ok=True)  # where Debian's server wants its empty folder
        command = [*self.prefix, SSHD, "-D", "-f", str(self.folder / "sshd_config"), "-E", str(self.folder / "log")]
        self.process = subprocess.Popen(command, start_new_session=True)
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline and self.process.poll() is None:
            with socket.socket() as client:
                if client.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise AssertionError((self.folder / "log").read_text())

    def stop(self) -> None:
        """End it with every connection: what a device does that loses its power."""
        assert self.process is not None
        ended = descendants(self.process.pid)
        for pid in [self.process.pid, *ended]:
            _kill(pid)
        self.process.wait()

    def work_folders(self) -> list[str]:
        """What is left on the device."""
        return sorted(path.name for path in self.home.glob("work-*") if path.is_dir())

    def processes(self) -> int:
        """How many connections and programs have."""
        assert self.process is not None
        return len(descendants(self.process.pid))


def descendants(pid: int) -> list[int]:
    """Every process below `pid`."""
    children = [int(text) for text in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return [one for child in children for one in (child, *descendants(child))]


def _kill(pid: int) -> None:
    try:
        os.kill(pid, 9)
    except ProcessLookupError:
        return


def new_server(folder: Path, prefix: tuple[str, ...] = (), address: str = "127.0.0.1") -> Server:
    """A server with new keys in `folder`, not started yet; it listens at `address`."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("host_key", "user_key", "stranger_key"):
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", str(folder / name)]
        subprocess.run(command, check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    (folder / "authorized_keys").write_text((folder / "user_key.pub").read_text())
    (folder / "known_hosts").write_text(
        f"[127.0.0.1]:{port},[localhost]:{port} {(folder / 'host_key.pub').read_text()}"
    )
    (folder / "sshd_config").write_text(CONFIGURATION.format(address=address, port=port, folder=folder))
    return Server(folder, port, prefix=prefix)
