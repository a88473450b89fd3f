import torch
from torch import nn


class Gate(nn.Module):
    def forward(self, x):
        if x.mean() > 0:
            return x
        return -x


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 4, 3), Gate())
        self.head = nn.Linear(144, 3)

    def forward(self, x):
        return self.head(torch.flatten(self.body(x), 1))


def build():
    return Net()
