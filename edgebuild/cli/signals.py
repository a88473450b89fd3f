"""What ends a command politely ends it as Ctrl-C does: what it started is ended, and what it took is given back."""

from __future__ import annotations

import signal
from types import FrameType
from typing import NoReturn

_POLITE = (signal.SIGTERM, signal.SIGHUP)
"""A CI job that is cancelled, and a terminal that is closed."""


def settle_signals() -> None:
    """Let them interrupt; what was ignored before us, as by `nohup`, stays so."""
    for number in _POLITE:
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _interrupt)


def _interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    signal.signal(number, signal.SIG_IGN)  # once is enough: a second one would interrupt the clearing up
    raise KeyboardInterrupt
