"""EMNIST Letters from its .npz file: the training part in two, to train and to choose by; the test part stays away."""

from typing import Any

import numpy as np


def load(file: str, validation: int) -> dict[str, Any]:
    """Images [n, 1, 28, 28] as bytes and labels 0 to 25; `validation` samples of the training part, drawn by seed 0."""
    with np.load(file) as arrays:
        images, labels = arrays["x_train"][:, None], arrays["y_train"].astype(np.int64) - 1
    rows = np.random.default_rng(0).permutation(len(labels))
    return {
        name: (images[part], labels[part])
        for name, part in {"train": rows[validation:], "validation": rows[:validation]}.items()
    }
