"""What a device file says of any device that is reached over a wire."""

from __future__ import annotations

from pydantic import Field

from edgebuild.config.parameters import Parameters
from edgebuild.config.quantity import Milliseconds


class RemoteOptions(Parameters):
    """Where and how we work on a device, however it is reached."""

    folder: str = Field(
        default=".cache/edgebuild",
        min_length=1,
        pattern=r"^[A-Za-z0-9._/-]+$",
        description="on the device, where work folders are made; relative to the login's home",
    )
    python: str = Field(
        default="python3",
        min_length=1,
        description="on the device: an interpreter with numpy and LiteRT; ~ is the login's home",
    )
    connect_timeout: Milliseconds = Field(default=10_000.0, description="until the device must have answered")
