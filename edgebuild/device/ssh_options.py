"""What a device file says of a device that is reached over ssh."""

from __future__ import annotations

import getpass
from pathlib import Path

from pydantic import Field

from edgebuild.config.parameters import Parameters
from edgebuild.device.remote_options import RemoteOptions


class SshLogin(Parameters):
    """One machine to log in to."""

    host: str = Field(min_length=1, description="name or address")
    port: int = Field(default=22, ge=1, le=65535, description="of its ssh server")
    user: str | None = Field(default=None, description="to log in as; default: who runs edgebuild")
    key: str | None = Field(
        default=None, description="file of the private key; default: those of the agent and of ~/.ssh"
    )
    known_hosts: str = Field(
        default="~/.ssh/known_hosts", description="keys of hosts that are trusted; an unknown one is refused"
    )

    @property
    def login(self) -> str:
        """`pi@board:22`."""
        return f"{self.user or getpass.getuser()}@{self.host}:{self.port}"

    @property
    def known_hosts_file(self) -> Path:
        """Where the trusted keys are."""
        return Path(self.known_hosts).expanduser()


class SshOptions(RemoteOptions, SshLogin):
    """Options of the transport `ssh`."""

    jump: SshLogin | None = Field(default=None, description="a machine that the way leads through")
