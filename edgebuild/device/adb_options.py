"""What a device file says of a device that is reached over adb."""

from __future__ import annotations

import re

from pydantic import Field

from edgebuild.config.parameters import Parameters
from edgebuild.device.remote_options import RemoteOptions

_ADDRESS = re.compile(r".+:\d{1,5}")


class AdbAddress(Parameters):
    """A device as an adb server knows it."""

    serial: str = Field(
        min_length=1,
        pattern=r"^\S+$",
        description="what `adb devices` shows for it: a serial number, or host:port, which is connected to",
    )
    server_host: str | None = Field(
        default=None, description="of the adb server; default: ANDROID_ADB_SERVER_HOST, else this machine"
    )
    server_port: int | None = Field(
        default=None,
        ge=1,
        le=65535,
        description="of the adb server, started where none is; default: ANDROID_ADB_SERVER_PORT, else 5037",
    )

    @property
    def is_address(self) -> bool:
        """Whether the serial is a host:port that adb must be told to connect to."""
        return _ADDRESS.fullmatch(self.serial) is not None


class AdbOptions(RemoteOptions, AdbAddress):
    """Options of the transport `adb`."""

    folder: str = Field(
        default="/data/local/tmp/edgebuild",
        min_length=1,
        pattern=r"^/[A-Za-z0-9._/-]+$",
        description="on the device, where work folders are made",
    )
    python: str = Field(
        default="python3",
        min_length=1,
        description="on the device: an interpreter with numpy and LiteRT; Android has none, and runs .pte files only",
    )
