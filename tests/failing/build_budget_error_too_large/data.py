import numpy as np


def load():
    x = np.random.default_rng(0).random((64, 1, 4, 4), dtype="float32")
    y = x.reshape(64, 16).sum(1, keepdims=True)
    return {"train": (x[:32], y[:32]), "validation": (x[32:], y[32:] + 1)}
