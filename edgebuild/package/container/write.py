"""Reading and writing whole files, with errors that say what to do."""

from __future__ import annotations

from pathlib import Path

from edgebuild.errors import ConfigError
from edgebuild.output_file import replace_file


def read_file(path: Path) -> bytes:
    """The content of `path`.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror}"
        raise ConfigError(msg) from error


def write_file(path: Path, content: bytes) -> None:
    """Write `path` whole: a file that was there is replaced only once everything is written.

    Raises:
        ConfigError: it cannot be written.
    """
    try:
        replace_file(path, content)
    except OSError as error:
        msg = f"{path}: cannot be written: {error.strerror}"
        raise ConfigError(msg, remedy="name a file in a folder that exists and is yours") from error
