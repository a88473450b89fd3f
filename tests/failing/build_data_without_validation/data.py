import numpy as np


def load():
    x, y = np.zeros((8, 1, 8, 8), "float32"), np.zeros(8, int)
    return {"train": (x, y)}
