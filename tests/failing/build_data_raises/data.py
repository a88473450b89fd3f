import numpy as np


def load():
    labels = ["cat", "dog"]
    y = np.array([labels.index(name) for name in ["cat", "bird"]])
    return {"train": (np.zeros((2, 1, 8, 8)), y), "validation": (np.zeros((2, 1, 8, 8)), y)}
