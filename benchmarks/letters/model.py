"""A residual network for letters of 28x28, at half of their resolution from the start."""

from torch import Tensor, nn


def convolution(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """A convolution and its batch normalisation."""
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride=stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(outputs),
    )


class Block(nn.Module):
    """Two convolutions and a shortcut (He et al., Deep Residual Learning, 2015)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = convolution(inputs, outputs, stride=stride)
        self.second = convolution(outputs, outputs)
        same = inputs == outputs and stride == 1
        self.shortcut = nn.Identity() if same else convolution(inputs, outputs, kernel=1, stride=stride)
        self.activation = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Features [n, inputs, h, w] to features [n, outputs, h / stride, w / stride]."""
        features: Tensor = self.activation(self.second(self.activation(self.first(x))) + self.shortcut(x))
        return features


class ResidualNet(nn.Module):
    """Image [n, 1, 28, 28] to scores [n, 26]."""

    def __init__(self, stem: int, middle: int, last: int) -> None:
        super().__init__()
        self.stem = nn.Sequential(convolution(1, stem, stride=2), nn.ReLU())
        self.body = nn.Sequential(
            Block(stem, middle, stride=1), Block(middle, last, stride=2), Block(last, last, stride=1)
        )
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(last, 26)

    def forward(self, image: Tensor) -> Tensor:
        """Images [n, 1, 28, 28], normalised, to scores without a softmax."""
        scores: Tensor = self.head(self.pool(self.body(self.stem(image))).flatten(1))
        return scores


def build(stem: int = 16, middle: int = 32, last: int = 64) -> nn.Module:
    """The network with so many channels at its start, at 14x14 and at 7x7."""
    return ResidualNet(stem, middle, last)
