"""An exception on its way from the process where it was raised to the one that shows it."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edgebuild import errors
from edgebuild.errors import EdgebuildError, InternalError, ToolError
from edgebuild.graph.atomic_write import store_error

_FULL_DISK = {errno.ENOSPC, errno.EDQUOT}
_FULL_DISK_TEXT = ("no space left on device", "os error 28", "disk quota exceeded")


@dataclass(frozen=True)
class RemoteError:
    """An EdgebuildError in parts: `kind` is the name of its class in `edgebuild.errors`."""

    kind: str
    message: str
    remedy: str | None

    def rebuild(self) -> EdgebuildError:
        """The exception again."""
        made: EdgebuildError = getattr(errors, self.kind)(self.message, remedy=self.remedy)
        return made


def describe_error(error: BaseException, stage_id: str, output: Path, log: str) -> RemoteError:
    """What a stage's exception means for a user; one that no stage should raise becomes an InternalError.

    Where another exception is behind it and nobody knows a remedy, the log helps: it has the traceback.
    """
    if isinstance(error, EdgebuildError):
        known = [cls.__name__ for cls in type(error).__mro__ if cls.__module__ == errors.__name__]
        remedy = error.remedy or (f"the traceback is in {log}" if error.__cause__ is not None else None)
        return RemoteError(known[0], error.message, remedy)
    if _is_full_disk(error):
        full = store_error(OSError(errno.ENOSPC, ""), output.parents[2])  # <store>/tmp/<session>/<output>
        return RemoteError("StoreError", f"{stage_id}: {full.message}", full.remedy)
    if isinstance(error, MemoryError):
        message, remedy = f"{stage_id} ran out of memory", "free memory, or build with --jobs 1"
        return RemoteError(ToolError.__name__, message, remedy)
    message = f"{stage_id} failed in a way that edgebuild does not know: {type(error).__name__}: {error}"
    return RemoteError(InternalError.__name__, message, f"the traceback is in {log}")


def _is_full_disk(error: BaseException) -> bool:
    """Libraries written in C++ and Rust only say it in their text."""
    for link in _chain(error):
        if isinstance(link, OSError) and link.errno in _FULL_DISK:
            return True
        if any(text in str(link).lower() for text in _FULL_DISK_TEXT):
            return True
    return False


def _chain(error: BaseException) -> Iterator[BaseException]:
    link: BaseException | None = error
    seen: set[int] = set()
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or link.__context__
