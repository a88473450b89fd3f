"""A file that a user asked for: written whole or not at all, and tried before hours are spent on what goes into it."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path

from edgebuild.errors import ConfigError, EdgebuildError, ToolError

PART = ".part"
"""How the name of a file ends that is not whole yet: `.NAME-PID-RANDOM.part`."""
_FULL = (errno.ENOSPC, errno.EDQUOT)


def require_writable(path: Path) -> None:
    """See that a file can be written there; nothing is left behind.

    Raises:
        ConfigError: its folder is missing, or cannot be written, or there is a folder of that name.
        ToolError: the disk is full.
    """
    if path.is_dir():
        msg = f"{path}: is a folder, expected the name of a file"
        raise ConfigError(msg)
    try:
        with _beside(path, b"\n"):
            pass
    except OSError as error:
        raise _unwritten(path, error) from error


def write_output(path: Path, data: bytes | str) -> None:
    """Replace `path` by a file with this content, all or nothing.

    Raises:
        ConfigError: its folder is missing or cannot be written.
        ToolError: the disk is full; a file that was there before still is.
    """
    try:
        replace_file(path, data.encode() if isinstance(data, str) else data)
    except OSError as error:
        raise _unwritten(path, error) from error


def replace_file(path: Path, data: bytes, *, durable: bool = False) -> None:
    """Write a file beside `path` and give it its name, so that a reader sees the old one or the new one.

    Raises:
        OSError: nothing was written, and nothing is left beside it.
    """
    with _beside(path, data, durable=durable) as part:
        part.replace(path)


@contextlib.contextmanager
def _beside(path: Path, data: bytes, *, durable: bool = False) -> Iterator[Path]:
    """A file with this content beside `path`, which is gone after the block unless it got another name."""
    part = path.parent / f".{path.name}-{os.getpid()}-{secrets.token_hex(4)}{PART}"
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        yield part
    finally:  # also after Ctrl-C
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)


def _unwritten(path: Path, error: OSError) -> EdgebuildError:
    if error.errno in _FULL:
        return ToolError(f"{path}: cannot be written: the disk is full", remedy="free some space and run it again")
    return ConfigError(f"{path}: cannot be written: {error.strerror}")
