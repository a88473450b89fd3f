"""The errors a user can meet, and the exit code each one leads to.

EdgebuildError
├── BudgetError     1  what was built does not fit the memory it was given, so that nothing can run it
├── ConfigError     2  bad input: YAML, a missing file, a factory that raises, data that is empty
├── ToolError       3  a program or package is missing or failed
├── DeviceError     3  a device is gone, busy or wrong
│   └── DeviceBusyError  somebody else has it: whoever waits may get it
├── StoreError      3  the store cannot be read or written (full disk, permissions)
└── InternalError   4  our bug

Any other missed effect or budget is no error but a result: it is in the report, and the exit code is 1.

Every message says what was found and what was expected; `remedy` says what to do.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any


class ExitCode(IntEnum):
    """What the process exit code of every command means."""

    OK = 0
    MISSED = 1
    BAD_INPUT = 2
    MISSING_TOOL = 3
    BUG = 4


class EdgebuildError(Exception):
    """Base of every error that is shown to a user without a traceback."""

    exit_code: ExitCode = ExitCode.BUG

    def __init__(self, message: str, *, remedy: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {"kind": type(self).__name__, "message": self.message, "remedy": self.remedy}

    def __str__(self) -> str:
        return f"{self.message}\n  -> {self.remedy}" if self.remedy else self.message


class BudgetError(EdgebuildError):
    """What was built needs more memory than the target has: there is no file to run, and so nothing else to report."""

    exit_code = ExitCode.MISSED


class ConfigError(EdgebuildError):
    """The user's input is wrong: a file, a value, a module, a model or a dataset."""

    exit_code = ExitCode.BAD_INPUT


class ToolError(EdgebuildError):
    """A program or a package is missing, or it failed."""

    exit_code = ExitCode.MISSING_TOOL


class DeviceError(EdgebuildError):
    """A device is gone, busy, hot or not the one that the profile names."""

    exit_code = ExitCode.MISSING_TOOL


class DeviceBusyError(DeviceError):
    """Somebody else has a device now."""


class StoreError(EdgebuildError):
    """The store cannot be read or written."""

    exit_code = ExitCode.MISSING_TOOL


class InternalError(EdgebuildError):
    """A promise of our own code was broken."""

    exit_code = ExitCode.BUG
