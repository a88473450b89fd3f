"""Two inputs, one number: how bright a pattern is under a lamp described by three readings."""

import numpy as np
import torch
from torch import nn


class Pair(nn.Module):
    """An image branch and a vector branch, put together for a regression head."""

    def __init__(self) -> None:
        super().__init__()
        self.eye = nn.Sequential(
            nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU()
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.sensor = nn.Sequential(nn.Linear(3, 8), nn.ReLU())
        self.head = nn.Sequential(nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 1))

    def forward(self, image: torch.Tensor, readings: torch.Tensor) -> torch.Tensor:
        seen = torch.flatten(self.pool(self.eye(image)), 1)
        return self.head(torch.cat([seen, self.sensor(readings)], 1))


def build() -> nn.Module:
    return Pair()


def draw(count: int, seed: int) -> tuple[dict[str, np.ndarray], np.ndarray]:
    random = np.random.default_rng(seed)
    base = random.uniform(0, 1, (count, 1, 1, 1))
    image = np.clip(base + random.normal(0, 0.1, (count, 1, 12, 12)), 0, 1).astype(np.float32)
    readings = random.uniform(-1, 1, (count, 3)).astype(np.float32)
    target = 2 * base[:, 0, 0] + readings @ np.array([[1.0], [-0.5], [0.25]])
    return {"image": image, "readings": readings}, target.astype(np.float32)


def load() -> dict:
    return {"train": draw(600, 0), "validation": draw(300, 1)}
