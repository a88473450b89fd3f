"""A whole project that builds in seconds: synthetic data, a very small network, one target per export format."""

from __future__ import annotations

from pathlib import Path

PROJECT = """\
name: tiny
seed: 3
model: {factory: "model:build", inputs: [image], outputs: [scores]}
data:
  function: "data:load"
  classes: [low, middle, high]
  normalization: {scale: 0.5, mean: [1.0], std: [2.0]}
metric: accuracy
train: {epochs: 4, batch_size: 32, learning_rate: 0.03}
targets:
  - extends: cortex-m4
    target: board
    plan:
      - quantize: {kind: static, calibration: {samples: 32}}
  - extends: android-arm64
    target: phone
    device: host
    budgets: {size: 1 MiB, accuracy_min: 50}
"""

MODEL = """\
from torch import nn

import layers


def build():
    return nn.Sequential(layers.block(1, 4), layers.block(4, 8), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3))
"""

LAYERS = """\
from torch import nn


def block(inputs, outputs):
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())
"""

DATA = """\
import numpy as np


def load():
    rng = np.random.default_rng(0)
    y = np.arange(288) % 3
    x = (rng.normal(size=(288, 1, 8, 8)) + 2 * y[:, None, None, None]).astype("float32")
    return {"train": (x[:192], y[:192]), "validation": (x[192:], y[192:])}
"""


def write_tiny_project(root: Path) -> Path:
    """Write the project's files into the new folder `root` and return it."""
    root.mkdir(parents=True)
    files = {"edgebuild.yaml": PROJECT, "model.py": MODEL, "layers.py": LAYERS, "data.py": DATA}
    for name, text in files.items():
        (root / name).write_text(text, encoding="utf-8")
    return root
