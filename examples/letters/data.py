"""28x28 letters from an .npz file of yours, such as EMNIST Letters: keys x_train, y_train, x_test and y_test."""

import os
from pathlib import Path
from typing import Any

import numpy as np

VARIABLE = "EDGEBUILD_LETTERS"
KEYS = ("x_train", "y_train", "x_test", "y_test")


def load(
    path: str | None = None, train_samples: int = 13_000, validation_samples: int = 5_200, seed: int = 0
) -> dict[str, Any]:
    """Training and validation split: bytes as [n, 1, 28, 28], labels 0 to 25, every letter equally often.

    `path` is the file; without it, the environment variable EDGEBUILD_LETTERS is. Sample counts of 0 take everything.
    """
    with np.load(_find(path)) as arrays:
        missing = [key for key in KEYS if key not in arrays]
        if missing:
            msg = f"the file of letters has no array {missing[0]!r}; expected {', '.join(KEYS)}"
            raise KeyError(msg)
        train = arrays["x_train"], arrays["y_train"]
        test = arrays["x_test"], arrays["y_test"]
    first = int(train[1].min())  # EMNIST counts its letters from 1
    return {
        "train": _subset(*train, train_samples, first, seed),
        "validation": _subset(*test, validation_samples, first, seed),
    }


def _find(path: str | None) -> Path:
    found = path or os.environ.get(VARIABLE)
    if not found:
        msg = f"no file of letters: set {VARIABLE} to its path, or data.kwargs.path in edgebuild.yaml"
        raise FileNotFoundError(msg)
    file = Path(found).expanduser()
    if not file.is_file():
        msg = f"found no file {found!r}; expected an .npz with {', '.join(KEYS)}"
        raise FileNotFoundError(msg)
    return file


def _subset(x: np.ndarray, y: np.ndarray, count: int, first: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The same number of every letter, drawn by the seed, in the file's order."""
    labels = y.astype(np.int64) - first
    rows = np.arange(len(y))
    if count:
        rng = np.random.default_rng(seed)
        letters = np.unique(labels)
        each = count // len(letters)
        rows = np.sort(np.concatenate([rng.permutation(np.flatnonzero(labels == one))[:each] for one in letters]))
    return x[rows][:, None], labels[rows]
