"""Numbers that take long and depend on a file alone, kept between two runs of a benchmark."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path


class Remembered:
    """Numbers by the digest of a file and a name."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[str, float] = json.loads(path.read_text()) if path.is_file() else {}

    def once(self, file: Path, name: str, measure: Callable[[], float]) -> float:
        """What `measure` gave for a file of this content."""
        key = f"{name} {hashlib.sha256(file.read_bytes()).hexdigest()}"
        if key not in self._known:
            self._known[key] = measure()
            self._path.write_text(json.dumps(self._known, indent=1))
        return self._known[key]
