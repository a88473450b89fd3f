import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(16, 8)
        self.head = nn.Linear(8, 3)

    def forward(self, tokens):
        return self.head(self.table(tokens).mean(1))


def build():
    return Net()
