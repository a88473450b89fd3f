"""Two larger networks whose time on Arm boards is published, with random weights: layers from their papers.

EfficientDet ends where its post-processing begins, which `as_published.py` adds.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, max_pool2d, relu6

from measuring.mobile_nets import Classifier, Inverted, unit


class Branches(nn.Module):
    """What several ways make of the same features, one after the other in the channels."""

    def __init__(self, *ways: nn.Module) -> None:
        super().__init__()
        self.ways = nn.ModuleList(ways)

    def forward(self, x: Tensor) -> Tensor:
        """[n, channels, h, w] -> [n, channels of all ways, h, w]."""
        return torch.cat([way(x) for way in self.ways], 1)


def _conv(
    inputs: int, outputs: int, kernel: int | tuple[int, int] = 1, stride: int = 1, valid: bool = False
) -> nn.Module:
    """A convolution with its bias, and a ReLU."""
    made = unit(inputs, outputs, kernel, stride, act=nn.ReLU())
    if valid:
        layer = made[0]
        assert isinstance(layer, nn.Conv2d)
        layer.padding = (0, 0)
    return made


def _pooled(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.AvgPool2d(3, 1, 1, count_include_pad=False), _conv(inputs, outputs))


def _inception_35(inputs: int, pooled: int) -> nn.Module:
    """Figure 5 of the paper."""
    return Branches(
        _conv(inputs, 64),
        nn.Sequential(_conv(inputs, 48), _conv(48, 64, 5)),
        nn.Sequential(_conv(inputs, 64), _conv(64, 96, 3), _conv(96, 96, 3)),
        _pooled(inputs, pooled),
    )


def _inception_17(narrow: int) -> nn.Module:
    """Figure 6."""
    wide, flat, tall = 768, (1, 7), (7, 1)
    long = [
        _conv(wide, narrow),
        *(_conv(narrow, narrow, side) for side in (tall, flat, tall)),
        _conv(narrow, 192, flat),
    ]
    return Branches(
        _conv(wide, 192),
        nn.Sequential(_conv(wide, narrow), _conv(narrow, narrow, flat), _conv(narrow, 192, tall)),
        nn.Sequential(*long),
        _pooled(wide, 192),
    )


def _inception_8(inputs: int) -> nn.Module:
    """Figure 7."""

    def split() -> nn.Module:
        return Branches(_conv(384, 384, (1, 3)), _conv(384, 384, (3, 1)))

    return Branches(
        _conv(inputs, 320),
        nn.Sequential(_conv(inputs, 384), split()),
        nn.Sequential(_conv(inputs, 448), _conv(448, 384, 3), split()),
        _pooled(inputs, 192),
    )


def inception_v3() -> nn.Module:
    """Inception v3 (Szegedy et al., 2015, table 1, without the auxiliary head), pictures of 299 x 299."""
    halve = nn.MaxPool2d(3, 2)
    stem = [_conv(3, 32, 3, 2, valid=True), _conv(32, 32, 3, valid=True), _conv(32, 64, 3), halve]
    stem += [_conv(64, 80), _conv(80, 192, 3, valid=True), halve]
    first_cut = Branches(
        _conv(288, 384, 3, 2, valid=True),
        nn.Sequential(_conv(288, 64), _conv(64, 96, 3), _conv(96, 96, 3, 2, valid=True)),
        halve,
    )
    second_cut = Branches(
        nn.Sequential(_conv(768, 192), _conv(192, 320, 3, 2, valid=True)),
        nn.Sequential(
            _conv(768, 192), _conv(192, 192, (1, 7)), _conv(192, 192, (7, 1)), _conv(192, 192, 3, 2, valid=True)
        ),
        halve,
    )
    at_35 = [_inception_35(192, 32), _inception_35(256, 64), _inception_35(288, 64)]
    at_17 = [_inception_17(narrow) for narrow in (128, 160, 160, 192)]
    at_8 = [_inception_8(1280), _inception_8(2048)]
    return Classifier(nn.Sequential(*stem, *at_35, first_cut, *at_17, second_cut, *at_8), 2048, side=8)


_LITE0 = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)
"""Of EfficientNet-Lite0: widening, channels, blocks, stride of the first, kernel."""
_WIDTH, _LEVELS, _CELLS, _DEPTH, _ANCHORS, _CLASSES = 64, 5, 3, 3, 9, 90


class Separable(nn.Sequential):
    """A depthwise 3 x 3 convolution and one of 1 x 1."""

    def __init__(self, outputs: int) -> None:
        super().__init__(unit(_WIDTH, _WIDTH, 3, groups=_WIDTH), unit(_WIDTH, outputs))


class Pyramid(nn.Module):
    """One BiFPN (Tan et al., 2020, figure 2d) whose sums have no weights: from the smallest map down, and up again."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.ModuleList(Separable(_WIDTH) for _ in range(_LEVELS - 1))
        self.up = nn.ModuleList(Separable(_WIDTH) for _ in range(_LEVELS - 1))

    def forward(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """Maps of halving sides, largest first; as many of the same shapes."""
        tops = [maps[-1]]
        for level, merge in zip(range(_LEVELS - 2, -1, -1), self.down, strict=True):
            wide = interpolate(tops[0], size=maps[level].shape[-2:])
            tops.insert(0, merge(relu6(maps[level] + wide)))
        found = [tops[0]]
        for level, merge in zip(range(1, _LEVELS), self.up, strict=True):
            total = maps[level] + max_pool2d(found[-1], 3, 2, 1)
            found.append(merge(relu6(total + tops[level] if level < _LEVELS - 1 else total)))
        return found


class EfficientDetLite0(nn.Module):
    """EfficientDet-Lite0: EfficientNet-Lite0, three BiFPNs of 64 channels, two heads of three layers, five levels."""

    def __init__(self) -> None:
        super().__init__()
        stages: list[nn.Module] = [unit(3, 32, 3, 2, act=nn.ReLU6())]
        channels = 32
        for factor, outputs, repeats, stride, kernel in _LITE0:
            blocks = []
            for number in range(repeats):
                first = stride if number == 0 else 1
                blocks.append(Inverted(channels, channels * factor, outputs, kernel, first))
                channels = outputs
            stages.append(nn.Sequential(*blocks))
        self.parts = nn.ModuleList(nn.Sequential(*stages[a:b]) for a, b in ((0, 4), (4, 6), (6, 8)))
        self.narrow = nn.ModuleList(unit(inputs, _WIDTH) for inputs in (40, 112, 320, 320))
        self.pyramids = nn.ModuleList(Pyramid() for _ in range(_CELLS))
        self.boxes, self.classes = _head(4 * _ANCHORS), _head(_CLASSES * _ANCHORS)

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """[1, 3, 320, 320] -> boxes [1, 19206, 4], scores [1, 19206, 90]."""
        maps, x = [], picture
        for part in self.parts:
            x = part(x)
            maps.append(x)
        found = [narrow(one) for narrow, one in zip(self.narrow, [*maps, x], strict=True)]
        found[3] = max_pool2d(found[3], 3, 2, 1)
        found.append(max_pool2d(found[3], 3, 2, 1))
        for pyramid in self.pyramids:
            found = pyramid(found)
        return _rows(self.boxes, found, 4), torch.sigmoid(_rows(self.classes, found, _CLASSES))


def _head(outputs: int) -> nn.Module:
    layers: list[nn.Module] = []
    for _ in range(_DEPTH):
        layers += [Separable(_WIDTH), nn.ReLU6()]
    return nn.Sequential(*layers, Separable(outputs))


def _rows(head: nn.Module, maps: Sequence[Tensor], width: int) -> Tensor:
    return torch.cat([head(one).permute(0, 2, 3, 1).reshape(1, -1, width) for one in maps], 1)
