"""Small networks, as the text of a user's model.py."""

from __future__ import annotations

from pathlib import Path

CNN = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.conv = nn.Conv2d(1, width, 3, bias=False)
        self.norm = nn.BatchNorm2d(width)
        self.head = nn.Linear(width, 3)

    def forward(self, image):
        return self.head(torch.relu(self.norm(self.conv(image))).mean((2, 3)))


def build(width=4):
    return Net(width)
"""

BRANCH = """
import torch
from torch import nn


class Gate(nn.Module):
    def forward(self, x):
        if x.sum() > 0:
            return x
        return -x


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate = Gate()
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.gate(x))


def build():
    return Net()
"""


def project(root: Path, text: str = CNN) -> Path:
    """Write `text` as the model.py of a project in `root` and return `root`."""
    (root / "model.py").write_text(text)
    return root
