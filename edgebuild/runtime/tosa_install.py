"""Create the environment of Arm's TOSA tools: `python -m edgebuild.runtime.tosa_install`.

Its own, because they pin an older numpy and flatbuffers than all else here. The reference model runs there; the writer
of TOSA files, which lowering to an Ethos-U needs in the process that has PyTorch, is found there by `add_to_path`.
"""

from __future__ import annotations

import sys

from edgebuild.errors import ToolError
from edgebuild.runtime import vela_install
from edgebuild.runtime.own_environment import OwnEnvironment

VERSION = "2026.5.0"
COMMAND = "python -m edgebuild.runtime.tosa_install"
ENVIRONMENT = OwnEnvironment("tosa-tools", VERSION, (f"tosa-tools=={VERSION}",), "tosa_reference_model", COMMAND)


def add_to_path() -> None:
    """Let this process import the writer of TOSA files and Vela; whatever is installed here already comes first.

    Raises:
        ToolError: one of them is not installed.
    """
    for environment in (ENVIRONMENT, vela_install.ENVIRONMENT):
        if not environment.python.exists():
            msg = f"{environment.name} {environment.version} is not installed: {environment.python} is missing"
            raise ToolError(msg, remedy=environment.command)
        for folder in map(str, sorted(environment.folder.glob("lib/python*/site-packages"))):
            if folder not in sys.path:
                sys.path.append(folder)


if __name__ == "__main__":
    ENVIRONMENT.main()
