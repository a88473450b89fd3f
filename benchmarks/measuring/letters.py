"""EMNIST Letters: where the file is, and how many letters of its test part an exported file gets right.

The letters are in `emnist-letters/` of the folder that EDGEBUILD_DATA names.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np

from edgebuild.config.registries import RUNTIMES
from edgebuild.export.feed import from_raw, raw_outputs
from edgebuild.export.format import read_export

_DATA = Path(os.environ.get("EDGEBUILD_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
LETTERS = _DATA / "emnist-letters" / "emnist_letters.npz"
SCALE, MEAN, STD = 0.00392157, 0.172, 0.331
"""Of `(pixel * scale - mean) / std`."""

NORMALIZATION = {"scale": SCALE, "mean": [MEAN], "std": [STD]}


def need_letters(benchmark: str) -> None:
    """End the program where there are no letters."""
    if not LETTERS.is_file():
        print(f"{benchmark}: no letters at {LETTERS}; name the folder that has emnist-letters/ in EDGEBUILD_DATA")
        sys.exit(0)


def test_letters() -> tuple[np.ndarray, np.ndarray]:
    """The test part: images float32 [20800, 1, 28, 28], normalised, and labels 0 to 25."""
    with np.load(LETTERS) as arrays:
        images, labels = arrays["x_test"][:, None], arrays["y_test"].astype(np.int64) - 1
    scaled = (images * np.float32(SCALE) - np.float32(MEAN)) / np.float32(STD)
    return scaled.astype(np.float32), labels


def test_accuracy(folder: Path) -> float:
    """Percent of the test part that the exported file in `folder` gets right, in its own runtime."""
    images, labels = test_letters()
    record = read_export(folder)
    runtime = "litert" if record.format == "tflite" else record.format
    session = RUNTIMES.get(runtime).open(folder / record.file, 1)
    try:
        (scores,) = from_raw(record, raw_outputs(session, record, {"image": images})).values()
    finally:
        session.close()
    return float((scores.argmax(1) == labels).mean() * 100)
