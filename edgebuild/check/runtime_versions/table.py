"""The facts table of TensorFlow Lite operations: which runtime first had an operation in a version."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources

import yaml
from packaging.version import Version


@dataclass(frozen=True)
class OperationTable:
    """Operation -> version -> oldest runtime; `newest_runtime` is where the table ends."""

    newest_runtime: Version
    runtimes: dict[str, dict[int, Version]]

    def oldest_runtime(self, operation: str, version: int) -> Version | None:
        """The first runtime with `operation` in `version`; None where the table does not know that pair."""
        return self.runtimes.get(operation, {}).get(version)

    def is_beyond(self, operation: str, version: int) -> bool:
        """True where the operation is known, but only in versions older than `version`."""
        versions = self.runtimes.get(operation)
        return versions is not None and version > max(versions)


@cache
def operation_table() -> OperationTable:
    """Read the table that lies beside this module; it says its source."""
    text = resources.files(__package__).joinpath("tflite_operations.yaml").read_text(encoding="utf-8")
    raw = yaml.load(text, Loader=yaml.BaseLoader)
    first = {name: int(number) for name, number in raw["first"].items()}
    runtimes = {
        name: {first.get(name, 1) + offset: Version(text) for offset, text in enumerate(versions)}
        for name, versions in raw["operations"].items()
    }
    return OperationTable(Version(raw["newest_runtime"]), runtimes)
