"""The digits that come with scikit-learn: 1797 real scans of 8x8 pixels, nothing to download."""

from typing import Any

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split


def load(validation_share: float = 0.4) -> dict[str, Any]:
    """Training and validation split: raw pixels 0 to 16 as [n, 1, 8, 8], labels 0 to 9."""
    digits = load_digits()
    images = digits.images[:, None].astype("float32")
    train_x, validation_x, train_y, validation_y = train_test_split(
        images, digits.target, test_size=validation_share, stratify=digits.target, random_state=0
    )
    return {"train": (train_x, train_y), "validation": (validation_x, validation_y)}
