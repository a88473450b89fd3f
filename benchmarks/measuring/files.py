"""What an exported file holds, by its census."""

from __future__ import annotations

from pathlib import Path

from edgebuild.check.census.model import Census
from edgebuild.check.macs import weight_macs
from edgebuild.check.wiring import Wiring
from edgebuild.config.registries import CENSUSES


def file_macs(file: Path) -> int:
    """Multiply-accumulates of one inference, counted from the shapes of its weights and outputs."""
    census: Census = CENSUSES.get(file.suffix.removeprefix(".")).read(file)
    wiring = Wiring(census)
    return sum(weight_macs(weight, wiring) for weight in census.weights if len(weight.shape) > 1)
