import numpy as np


def load():
    rng = np.random.default_rng(0)
    y = np.arange(96) % 3
    x = rng.normal(y[:, None, None, None], 1, (96, 1, 8, 8)).astype("float32")
    return {"train": (x[:64], y[:64]), "validation": (x[64:], y[64:])}
