import torch
from torch import nn


class Bend(nn.Module):
    def forward(self, x):
        return torch.special.erfcx(x)


def build():
    return nn.Sequential(nn.Conv2d(1, 4, 3), Bend(), nn.Flatten(), nn.Linear(144, 3))
