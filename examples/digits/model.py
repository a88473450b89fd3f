"""A small convolutional network for 8x8 digits."""

from torch import Tensor, nn


class ConvBlock(nn.Sequential):
    """Convolution, batch normalisation, ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, groups=groups, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
        )


class Residual(nn.Module):
    """A depthwise-separable block around which its input is added."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.depthwise = ConvBlock(channels, channels, kernel=3, groups=channels)
        self.pointwise = ConvBlock(channels, channels, kernel=1)

    def forward(self, x: Tensor) -> Tensor:
        """Features [n, channels, h, w] to features of the same shape."""
        return x + self.pointwise(self.depthwise(x))


class DigitNet(nn.Module):
    """Image [n, 1, 8, 8] to scores [n, 10]."""

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.stem = ConvBlock(1, width, kernel=3)
        self.body = nn.Sequential(ConvBlock(width, 2 * width, kernel=3), Residual(2 * width), Residual(2 * width))
        self.down = nn.Sequential(nn.MaxPool2d(2), ConvBlock(2 * width, 4 * width, kernel=3))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(4 * width, classes)

    def forward(self, image: Tensor) -> Tensor:
        """Images [n, 1, 8, 8], normalised, to scores [n, classes] without a softmax."""
        x = self.down(self.body(self.stem(image)))
        return self.head(self.pool(x).flatten(1))


def build(width: int = 16, classes: int = 10) -> nn.Module:
    """What edgebuild.yaml names as the model's factory."""
    return DigitNet(width, classes)
