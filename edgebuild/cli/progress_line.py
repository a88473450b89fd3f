"""How far one piece of work is, in one line of a terminal; nothing where stderr is none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.status import Status

    from edgebuild.progress import ProgressSink


class _Line:
    def __init__(self, status: Status) -> None:
        self._status = status

    def update(self, fraction: float, message: str = "") -> None:
        """Show it in the place of what was there."""
        from rich.markup import escape

        self._status.update(f"{fraction:4.0%}  {escape(message)}")


@contextmanager
def progress_line() -> Iterator[ProgressSink]:
    """A sink that is shown until the block is left."""
    from rich.console import Console

    from edgebuild.progress import Silent

    console = Console(stderr=True)
    if not console.is_terminal:
        yield Silent()
        return
    with console.status("") as status:
        yield _Line(status)
