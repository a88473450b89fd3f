from torch import nn


class Shifted(nn.Conv2d):
    def forward(self, x):
        return super().forward(x + 1)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 8, 3)
        self.depthwise = nn.Conv2d(8, 8, 3, groups=8)
        self.body = nn.Conv2d(8, 16, 3)
        self.shifted = Shifted(16, 16, 1)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(16, 3)

    def forward(self, x):
        return self.head(self.pool(self.shifted(self.body(self.depthwise(self.stem(x))).relu())).flatten(1))


def build():
    return Net()
