import numpy as np


class Digits:
    def __len__(self):
        return 12

    def __getitem__(self, index):
        if index == 7:
            raise OSError(f"cannot decode image {index}")
        return np.zeros((1, 8, 8), "float32"), index % 3


def load():
    return {"train": Digits(), "validation": Digits()}
