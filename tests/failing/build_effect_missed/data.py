import numpy as np


def load():
    y = np.arange(96) % 3
    x = (np.arange(96 * 6).reshape(96, 6) * 7 + y[:, None]) % 16
    return {"train": (x[:64], y[:64]), "validation": (x[64:], y[64:])}
