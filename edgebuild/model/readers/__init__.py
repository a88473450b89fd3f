"""Where data comes from: one reader a file; a reader's name is the key under `data:` in a project."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from edgebuild.registry import Registry

Reader = Callable[[Mapping[str, Any], Path, int], Mapping[str, Any]]
"""(options, project folder, seed) -> `{"train": …, "validation": …}` and optionally `"calibration"` and `"classes"`.

Each split is anything that `edgebuild.model.split.as_split` reads. The same arguments must give the same data.
"""

READERS: Registry[Reader] = Registry("data source", "edgebuild.model.readers")
