from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3)
        self.head = nn.Linear(144, 3)

    def forward(self, x):
        return self.head(self.stem(x).flatten(1))


def build():
    return Net()
