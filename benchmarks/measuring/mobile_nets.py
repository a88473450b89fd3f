"""Networks whose time on Arm boards is published, with random weights: layers from their papers, names as published.

Weights do not change how long a network takes. SSDLite ends where its post-processing begins, which `as_published.py`
adds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

Build = Callable[[], nn.Module]


def unit(
    inputs: int,
    outputs: int,
    kernel: int | tuple[int, int] = 1,
    stride: int = 1,
    groups: int = 1,
    act: nn.Module | None = None,
) -> nn.Sequential:
    """A convolution with its bias, padded as usual, and an activation."""
    sides = (kernel, kernel) if isinstance(kernel, int) else kernel
    padding = (sides[0] // 2, sides[1] // 2)
    layers: list[nn.Module] = [nn.Conv2d(inputs, outputs, sides, stride, padding, groups=groups)]
    return nn.Sequential(*layers, *([act] if act is not None else []))


class Classifier(nn.Module):
    """Features of `side` x `side` places, their mean, and a matrix to 1001 classes."""

    def __init__(self, features: nn.Module, channels: int, hidden: int = 0, side: int = 7) -> None:
        super().__init__()
        self.features = features
        self.pool = nn.AvgPool2d(side)
        head = [nn.Linear(channels, hidden), nn.Hardswish(), nn.Linear(hidden, 1001)] if hidden else None
        self.head = nn.Sequential(*head) if head else nn.Linear(channels, 1001)

    def forward(self, picture: Tensor) -> Tensor:
        """[1, 3, side, side] -> [1, 1001]."""
        found: Tensor = self.head(torch.flatten(self.pool(self.features(picture)), 1))
        return found


def mobilenet_v1(width: float = 1.0, side: int = 224) -> nn.Module:
    """MobileNet (Howard et al., 2017, table 1)."""

    def scaled(channels: int) -> int:
        return int(channels * width)

    rows = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1))
    channels = scaled(32)
    layers = [unit(3, channels, 3, 2, act=nn.ReLU6())]
    for outputs, stride in rows:
        layers.append(unit(channels, channels, 3, stride, channels, nn.ReLU6()))
        layers.append(unit(channels, scaled(outputs), act=nn.ReLU6()))
        channels = scaled(outputs)
    return Classifier(nn.Sequential(*layers), channels, side=side // 32)


class Inverted(nn.Module):
    """An inverted residual: wider, depthwise, optionally squeezed, narrower again."""

    def __init__(
        self,
        inputs: int,
        hidden: int,
        outputs: int,
        kernel: int = 3,
        stride: int = 1,
        act: Build = nn.ReLU6,
        squeeze: bool = False,
    ) -> None:
        super().__init__()
        wide = [unit(inputs, hidden, act=act())] if hidden != inputs else []
        deep = unit(hidden, hidden, kernel, stride, hidden, act())
        excite = [Excite(hidden)] if squeeze else []
        self.body = nn.Sequential(*wide, deep, *excite, unit(hidden, outputs))
        self.adds = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """Features in, features out."""
        found: Tensor = self.body(x)
        return x + found if self.adds else found


class Excite(nn.Module):
    """Squeeze and excite (Howard et al., 2019, section 5.2): a quarter of the channels, a hard sigmoid."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        small = (channels // 4 + 7) // 8 * 8
        self.scale = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, small, 1),
            nn.ReLU(),
            nn.Conv2d(small, channels, 1),
            nn.Hardsigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Every channel times its own factor."""
        found: Tensor = x * self.scale(x)
        return found


V2_ROWS = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


def _v2_blocks() -> list[nn.Module]:
    blocks: list[nn.Module] = [unit(3, 32, 3, 2, act=nn.ReLU6())]
    channels = 32
    for factor, outputs, repeats, stride in V2_ROWS:
        for number in range(repeats):
            blocks.append(Inverted(channels, channels * factor, outputs, stride=stride if number == 0 else 1))
            channels = outputs
    return blocks


def mobilenet_v2() -> nn.Module:
    """MobileNetV2 1.0 (Sandler et al., 2018, table 2)."""
    return Classifier(nn.Sequential(*_v2_blocks(), unit(320, 1280, act=nn.ReLU6())), 1280)


_V3_LARGE = (
    (3, 16, 16, False, "RE", 1),
    (3, 64, 24, False, "RE", 2),
    (3, 72, 24, False, "RE", 1),
    (5, 72, 40, True, "RE", 2),
    (5, 120, 40, True, "RE", 1),
    (5, 120, 40, True, "RE", 1),
    (3, 240, 80, False, "HS", 2),
    (3, 200, 80, False, "HS", 1),
    (3, 184, 80, False, "HS", 1),
    (3, 184, 80, False, "HS", 1),
    (3, 480, 112, True, "HS", 1),
    (3, 672, 112, True, "HS", 1),
    (5, 672, 160, True, "HS", 2),
    (5, 960, 160, True, "HS", 1),
    (5, 960, 160, True, "HS", 1),
)
_V3_SMALL = (
    (3, 16, 16, True, "RE", 2),
    (3, 72, 24, False, "RE", 2),
    (3, 88, 24, False, "RE", 1),
    (5, 96, 40, True, "HS", 2),
    (5, 240, 40, True, "HS", 1),
    (5, 240, 40, True, "HS", 1),
    (5, 120, 48, True, "HS", 1),
    (5, 144, 48, True, "HS", 1),
    (5, 288, 96, True, "HS", 2),
    (5, 576, 96, True, "HS", 1),
    (5, 576, 96, True, "HS", 1),
)


def _mobilenet_v3(rows: Sequence[tuple[int, int, int, bool, str, int]], last: int, hidden: int) -> nn.Module:
    layers: list[nn.Module] = [unit(3, 16, 3, 2, act=nn.Hardswish())]
    channels = 16
    for kernel, wide, outputs, squeeze, act, stride in rows:
        kind: Build = nn.ReLU if act == "RE" else nn.Hardswish
        layers.append(Inverted(channels, wide, outputs, kernel, stride, kind, squeeze))
        channels = outputs
    return Classifier(nn.Sequential(*layers, unit(channels, last, act=nn.Hardswish())), last, hidden)


def mobilenet_v3_large() -> nn.Module:
    """MobileNetV3 Large (Howard et al., 2019, table 1)."""
    return _mobilenet_v3(_V3_LARGE, 960, 1280)


def mobilenet_v3_small() -> nn.Module:
    """MobileNetV3 Small (Howard et al., 2019, table 2)."""
    return _mobilenet_v3(_V3_SMALL, 576, 1024)


class SsdLite(nn.Module):
    """SSDLite on MobileNetV2 for 91 classes (Sandler et al., 2018, section 6.2): six maps, six boxes a place."""

    def __init__(self) -> None:
        super().__init__()
        blocks = _v2_blocks()
        split = blocks[14]  # the block whose wider map is the first one that is predicted from
        assert isinstance(split, Inverted)
        self.first = nn.Sequential(*blocks[:14], split.body[0])
        narrower: list[nn.Module] = list(split.body)[1:]
        self.rest = nn.Sequential(*narrower, *blocks[15:], unit(320, 1280, act=nn.ReLU6()))
        sizes = ((1280, 512), (512, 256), (256, 256), (256, 128))
        self.extras = nn.ModuleList(
            nn.Sequential(
                unit(inputs, outputs // 2, act=nn.ReLU6()),
                unit(outputs // 2, outputs // 2, 3, 2, outputs // 2, nn.ReLU6()),
                unit(outputs // 2, outputs, act=nn.ReLU6()),
            )
            for inputs, outputs in sizes
        )
        maps = ((576, 3), (1280, 6), (512, 6), (256, 6), (256, 6), (128, 6))
        self.boxes = nn.ModuleList(_predictor(channels, 4 * anchors) for channels, anchors in maps)
        self.classes = nn.ModuleList(_predictor(channels, 91 * anchors) for channels, anchors in maps)

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """[1, 3, 300, 300] -> boxes [1, 1917, 4], scores [1, 1917, 91]."""
        maps = [self.first(picture)]
        maps.append(self.rest(maps[0]))
        for extra in self.extras:
            maps.append(extra(maps[-1]))
        return _joined(self.boxes, maps, 4), torch.sigmoid(_joined(self.classes, maps, 91))


def _predictor(channels: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(unit(channels, channels, 3, 1, channels, nn.ReLU6()), unit(channels, outputs))


def _joined(predictors: nn.ModuleList, maps: Sequence[Tensor], width: int) -> Tensor:
    rows = [
        predict(one).permute(0, 2, 3, 1).reshape(1, -1, width) for predict, one in zip(predictors, maps, strict=True)
    ]
    return torch.cat(rows, 1)
