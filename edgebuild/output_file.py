"""A file that a user asked for: written whole or not at all, and tried before hours are spent on what goes into it."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from pathlib import Path

from edgebuild.errors import ConfigError, EdgebuildError, ToolError

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
    _write(path, b"\n", keep=False)


def write_output(path: Path, data: bytes | str) -> None:
    """Replace `path` by a file with this content, all or nothing.

    Raises:
        ConfigError: its folder is missing or cannot be written.
        ToolError: the disk is full; a file that was there before still is.
    """
    _write(path, data.encode() if isinstance(data, str) else data, keep=True)


def _write(path: Path, data: bytes, *, keep: bool) -> None:
    part = path.parent / f".{path.name}-{os.getpid()}-{secrets.token_hex(4)}.part"
    try:
        try:
            part.write_bytes(data)
            if keep:
                part.replace(path)
        finally:
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
    except OSError as error:
        raise _unwritten(path, error) from error


def _unwritten(path: Path, error: OSError) -> EdgebuildError:
    if error.errno in _FULL:
        return ToolError(f"{path}: cannot be written: the disk is full", remedy="free some space and run it again")
    return ConfigError(f"{path}: cannot be written: {error.strerror}")
