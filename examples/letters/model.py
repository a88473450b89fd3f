"""Two networks for 28x28 letters: one of inverted residuals (as in MobileNetV2), one of plain residual blocks."""

from torch import Tensor, nn


def conv_block(inputs: int, outputs: int, kernel: int, groups: int = 1, activation: bool = True) -> list[nn.Module]:
    """Convolution, batch normalisation and, where asked for, ReLU6."""
    layers: list[nn.Module] = [
        nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
    ]
    return [*layers, nn.ReLU6()] if activation else layers


class InvertedResidual(nn.Module):
    """Expand, depthwise, project (Sandler et al., MobileNetV2, 2018); the input is added where the shapes allow."""

    def __init__(self, inputs: int, outputs: int, expand: int) -> None:
        super().__init__()
        hidden = inputs * expand
        self.block = nn.Sequential(
            *conv_block(inputs, hidden, 1),
            *conv_block(hidden, hidden, 3, groups=hidden),
            *conv_block(hidden, outputs, 1, activation=False),
        )
        self.shortcut = inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """Features [n, inputs, h, w] to features [n, outputs, h, w]."""
        return x + self.block(x) if self.shortcut else self.block(x)


class BasicBlock(nn.Module):
    """Two convolutions and a shortcut (He et al., Deep Residual Learning, 2015)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.block = nn.Sequential(
            *conv_block(inputs, outputs, 3),
            *conv_block(outputs, outputs, 3, activation=False),
        )
        self.shortcut = nn.Identity()
        if inputs != outputs:
            self.shortcut = nn.Sequential(*conv_block(inputs, outputs, 1, activation=False))
        self.activation = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        """Features [n, inputs, h, w] to features [n, outputs, h, w]."""
        return self.activation(self.shortcut(x) + self.block(x))


class LetterNet(nn.Module):
    """Image [n, 1, 28, 28] to scores [n, 26]."""

    def __init__(self, stem: nn.Module, body: nn.Module, features: int, classes: int) -> None:
        super().__init__()
        self.stem = stem
        self.body = body
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(features, classes)

    def forward(self, image: Tensor) -> Tensor:
        """Images [n, 1, 28, 28], normalised, to scores [n, classes] without a softmax."""
        return self.head(self.pool(self.body(self.stem(image))).flatten(1))


def mobilenet(width: int, classes: int) -> LetterNet:
    """Inverted residuals; `width` channels after the stem."""
    stem = nn.Sequential(*conv_block(1, width, 3), nn.MaxPool2d(2))
    body = nn.Sequential(
        InvertedResidual(width, width, expand=2),
        InvertedResidual(width, 2 * width, expand=4),
        nn.MaxPool2d(2),
        InvertedResidual(2 * width, 2 * width, expand=4),
        InvertedResidual(2 * width, 4 * width, expand=4),
        InvertedResidual(4 * width, 4 * width, expand=3),
        *conv_block(4 * width, 8 * width, 1),
    )
    return LetterNet(stem, body, 8 * width, classes)


def resnet(width: int, classes: int) -> LetterNet:
    """Plain residual blocks; `width` channels after the stem."""
    stem = nn.Sequential(*conv_block(1, width, 3), nn.MaxPool2d(2))
    body = nn.Sequential(
        BasicBlock(width, width),
        BasicBlock(width, 2 * width),
        nn.MaxPool2d(2),
        BasicBlock(2 * width, 2 * width),
        BasicBlock(2 * width, 4 * width),
    )
    return LetterNet(stem, body, 4 * width, classes)


NETWORKS = {"mobilenet": mobilenet, "resnet": resnet}


def build(network: str = "mobilenet", width: int = 16, classes: int = 26) -> nn.Module:
    """What edgebuild.yaml names as the model's factory; `network` is `mobilenet` or `resnet`."""
    if network not in NETWORKS:
        msg = f"found network {network!r}, expected {' or '.join(NETWORKS)}"
        raise ValueError(msg)
    return NETWORKS[network](width, classes)
