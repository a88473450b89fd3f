import numpy as np


def load():
    x, y = np.zeros((0, 1, 8, 8), "float32"), np.zeros(0, int)
    return {"train": (x, y), "validation": (x, y)}
