"""The data artifact: the arrays a build needs, in a form that is read without torch.

Files of the folder:
    data.json                      `DataSummary` as JSON
    validation.<input>.npy         model inputs, normalised, batch first, as the PyTorch model wants them (NCHW)
    validation.target.npy          what the metric compares against
    calibration.<input>.npy        inputs only
The training split stays behind the user's function; only its length is recorded.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class InputSpec:
    """One input of the model: `shape` without the batch dimension, dtype as numpy names it.

    `mean` and `std` (per channel, or one value) are the normalisation `(raw * scale - mean) / std` that was applied
    to the raw values; they are written into the artifact so that an app can do the same. Empty where none is known.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    scale: float = 1.0
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()


@dataclass(frozen=True)
class DataSummary:
    """What the splits hold: lengths, inputs and, for classification, the names of the classes."""

    inputs: tuple[InputSpec, ...]
    lengths: dict[str, int]
    classes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    @staticmethod
    def from_json(raw: dict[str, Any]) -> DataSummary:
        """Rebuild from `to_json`."""
        inputs = tuple(
            InputSpec(
                name=str(item["name"]),
                shape=tuple(item["shape"]),
                dtype=str(item["dtype"]),
                scale=float(item["scale"]),
                mean=tuple(item["mean"]),
                std=tuple(item["std"]),
            )
            for item in raw["inputs"]
        )
        return DataSummary(inputs, dict(raw["lengths"]), tuple(raw["classes"]))


def read_summary(folder: Path) -> DataSummary:
    """Read data.json of a data artifact."""
    return DataSummary.from_json(json.loads((folder / "data.json").read_text()))


def read_inputs(folder: Path, split: str) -> dict[str, np.ndarray]:
    """Return input name -> array [n, ...] of `validation` or `calibration`, memory-mapped."""
    names = [spec.name for spec in read_summary(folder).inputs]
    return {name: np.load(folder / f"{split}.{name}.npy", mmap_mode="r") for name in names}


def read_targets(folder: Path, split: str = "validation") -> np.ndarray:
    """Return the targets [n, ...] of a split."""
    return np.asarray(np.load(folder / f"{split}.target.npy", mmap_mode="r"))
