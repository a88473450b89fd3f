import torch
from torch import nn


class Running(nn.Module):
    def forward(self, x):
        return torch.cumsum(x, 1)


def build():
    return nn.Sequential(nn.Conv2d(1, 4, 3), Running(), nn.Flatten(), nn.Linear(144, 3))
