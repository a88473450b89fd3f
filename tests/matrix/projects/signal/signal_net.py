"""Three kinds of waves on two channels: a Conv1d network with batch norms, trained by a function of its own."""

import numpy as np
import torch
from torch import nn

LENGTH = 64


def build() -> nn.Module:
    return nn.Sequential(
        nn.Conv1d(2, 12, 5, padding=2, bias=False),
        nn.BatchNorm1d(12),
        nn.ReLU(),
        nn.MaxPool1d(2),
        nn.Conv1d(12, 16, 5, padding=2, bias=False),
        nn.BatchNorm1d(16),
        nn.ReLU(),
        nn.AdaptiveAvgPool1d(1),
        nn.Flatten(),
        nn.Linear(16, 3),
    )


class Waves(torch.utils.data.Dataset):
    """Sine, square and saw-tooth with noise: (signal float32 [2, 64], label)."""

    def __init__(self, count: int, seed: int) -> None:
        random = np.random.default_rng(seed)
        self.labels = random.integers(0, 3, count)
        time = np.arange(LENGTH)[None] * random.uniform(0.15, 0.5, (count, 1)) + random.uniform(0, 6, (count, 1))
        kinds = np.stack([np.sin(time), np.sign(np.sin(time)), (time / np.pi) % 2 - 1])
        wave = kinds[self.labels, np.arange(count)]
        pair = np.stack([wave, np.roll(wave, 7, axis=1)], axis=1)
        self.signals = (pair + random.normal(0, 0.15, pair.shape)).astype(np.float32)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[torch.Tensor, int]:
        return torch.from_numpy(self.signals[index]), int(self.labels[index])


def load() -> dict:
    return {"train": Waves(500, 0), "validation": Waves(300, 1), "calibration": Waves(100, 2)}


def fit(model: nn.Module, train: tuple, validation: tuple, epochs: int) -> None:
    """Train in place, as `train.function` wants it."""
    inputs, labels = train
    optimizer = torch.optim.Adam(model.parameters(), 0.01)
    model.train()
    for _ in range(epochs):
        for rows in torch.randperm(len(labels)).split(50):
            optimizer.zero_grad()
            nn.functional.cross_entropy(model(inputs["signal"][rows]), labels[rows]).backward()
            optimizer.step()


def balanced(scores: np.ndarray, labels: np.ndarray) -> float:
    """The mean recall of the classes."""
    found = scores.argmax(axis=1)
    return float(np.mean([(found[labels == kind] == kind).mean() for kind in np.unique(labels)]))
