"""Create the environment of tflite-runtime: `python -m edgebuild.runtime.tflite_runtime_install`."""

from __future__ import annotations

from pathlib import Path

from edgebuild.runtime.own_environment import OwnEnvironment

VERSION = "2.14.0"
COMMAND = "python -m edgebuild.runtime.tflite_runtime_install"
ENVIRONMENT = OwnEnvironment(
    "tflite-runtime", VERSION, (f"tflite-runtime=={VERSION}", "numpy<2"), "tflite_runtime.interpreter", COMMAND
)


def environment_python() -> Path:
    """The interpreter that has tflite-runtime; it may not exist yet."""
    return ENVIRONMENT.python


if __name__ == "__main__":
    ENVIRONMENT.main()
