"""Copying the files of a model folder that a step leaves as they are."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path


def carry_over(source: Path, output: Path, replaced: Collection[str] = ()) -> None:
    """Copy every file of the model folder `source` into `output`, but for the names in `replaced`."""
    for file in sorted(source.iterdir()):
        if file.name not in replaced:
            shutil.copyfile(file, output / file.name)
