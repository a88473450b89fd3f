"""Reading and writing whole files, with errors that say what to do."""

from __future__ import annotations

from pathlib import Path

from edgebuild.errors import ConfigError


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
    work = path.with_name(f".{path.name}.part")
    try:
        work.write_bytes(content)
        work.replace(path)
    except OSError as error:
        work.unlink(missing_ok=True)
        msg = f"{path}: cannot be written: {error.strerror}"
        raise ConfigError(msg, remedy="name a file in a folder that exists and is yours") from error
