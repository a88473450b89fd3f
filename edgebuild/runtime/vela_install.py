"""Create the environment of Arm's Vela: `python -m edgebuild.runtime.vela_install`.

Its own, because what else brings it along (the Ethos-U extra of ExecuTorch) pins an older numpy than all else here.
"""

from __future__ import annotations

from edgebuild.runtime.own_environment import OwnEnvironment

VERSION = "5.1.0"
COMMAND = "python -m edgebuild.runtime.vela_install"
ENVIRONMENT = OwnEnvironment(
    "ethos-u-vela",
    VERSION,
    (f"ethos-u-vela=={VERSION}", "numpy==2.4.6", "flatbuffers==25.12.19"),
    "ethosu.vela",
    COMMAND,
)


if __name__ == "__main__":
    ENVIRONMENT.main()
