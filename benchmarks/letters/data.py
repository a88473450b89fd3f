"""EMNIST Letters from its .npz file: the training part in two, to train and to choose by; the test part stays away."""

from typing import Any

import numpy as np


def load(file: str, validation: int, train: int = 0) -> dict[str, Any]:
    """Images [n, 1, 28, 28] as bytes and labels 0 to 25, drawn by seed 0; 0 samples to train with are all others."""
    with np.load(file) as arrays:
        images, labels = arrays["x_train"][:, None], arrays["y_train"].astype(np.int64) - 1
    rows = np.random.default_rng(0).permutation(len(labels))
    parts = {"train": rows[validation:][: train or None], "validation": rows[:validation]}
    return {name: (images[part], labels[part]) for name, part in parts.items()}
