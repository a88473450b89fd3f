"""Networks whose compiler's log is public: layers from their papers and from Keras, as the estimate takes them.

`scaled` says whether each output channel has a scale of its own, as files of post-training quantization have; files of
quantization-aware training of 2018 have one a tensor.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import accumulate, chain, pairwise

from edgebuild.estimate.edge_tpu.layer import BIAS_BYTES, SCALE_BYTES, TpuLayer
from measuring.classic_nets import convolution, dense, inception_v4, resnet50

Layers = list[TpuLayer]
Build = Callable[[], Layers]


def depthwise(side: int, channels: int, kernel: int = 3) -> TpuLayer:
    """A depthwise convolution to a square of `side`."""
    size = side**2 * channels
    return TpuLayer("depthwise", "depthwise", side**2, kernel**2, 1, channels, size, size, 0)


def constants(elements: int) -> TpuLayer:
    """Arithmetic of activations with stored numbers."""
    return TpuLayer("constants", "constants", 1, 1, 0, 0, elements, elements, elements)


def with_bytes(layers: Sequence[TpuLayer], scaled: bool) -> Layers:
    """The layers with a bias each, and scales of their channels where `scaled`."""
    both = BIAS_BYTES + SCALE_BYTES
    return [
        replace(one, channel_bytes=both if scaled or one.kind == "fully_connected" else BIAS_BYTES)
        if one.has_weights
        else one
        for one in layers
    ]


def mobilenet_v1() -> Layers:
    """MobileNet 1.0, 224 x 224, 1001 classes."""
    layers, channels, side = [convolution(112, 3, 3, 32)], 32, 112
    rows = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *[(512, 1)] * 5, (1024, 2), (1024, 1))
    for outputs, stride in rows:
        side //= stride
        layers += [depthwise(side, channels), convolution(side, 1, channels, outputs)]
        channels = outputs
    return [*layers, dense(1024, 1001)]


_V2 = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


def mobilenet_v2_features(size: int, narrowest: int = 0) -> Layers:
    """MobileNetV2 1.0 up to its 320 channels; no side is made smaller than `narrowest`."""
    side, channels = -(-size // 2), 32
    layers = [convolution(side, 3, 3, 32)]
    for factor, outputs, repeats, stride in _V2:
        for number in range(repeats):
            hidden = channels * factor
            if factor > 1:
                layers.append(convolution(side, 1, channels, hidden))
            if number == 0 and stride == 2 and side > narrowest:
                side = -(-side // 2)
            layers += [depthwise(side, hidden), convolution(side, 1, hidden, outputs)]
            channels = outputs
    return layers


def mobilenet_v2() -> Layers:
    """MobileNetV2 1.0, 224 x 224, 1001 classes."""
    return [*mobilenet_v2_features(224), convolution(7, 1, 320, 1280), dense(1280, 1001)]


def deeplab() -> Layers:
    """The part of DeepLab v3 on MobileNetV2 that is compiled: stride 16, 513 x 513, and two convolutions to 256."""
    return [*mobilenet_v2_features(513, 33), convolution(33, 1, 320, 256), convolution(1, 1, 320, 256)]


def ssd_mobilenet_v2() -> Layers:
    """SSD on MobileNetV2, 300 x 300, 90 classes and a background: extra features and 1 x 1 predictors."""
    layers, channels = [*mobilenet_v2_features(300), convolution(10, 1, 320, 1280)], 1280
    for side, narrow, outputs in ((5, 256, 512), (3, 128, 256), (2, 128, 256), (1, 64, 128)):
        layers += [convolution(side * 2, 1, channels, narrow), convolution(side, 3, narrow, outputs)]
        channels = outputs
    heads = ((19, 576, 3), (10, 1280, 6), (5, 512, 6), (3, 256, 6), (2, 256, 6), (1, 128, 6))
    return [*layers, *(convolution(side, 1, wide, 95 * boxes) for side, wide, boxes in heads)]


def unet_mobilenet_v2() -> Layers:
    """The segmentation of TensorFlow's tutorial: MobileNetV2 at 128 x 128 and transposed convolutions back."""
    ups = ((8, 320, 512), (16, 1088, 256), (32, 448, 128), (64, 272, 64), (128, 160, 3))
    back = [convolution(side, 3, inputs, outputs) for side, inputs, outputs in ups]
    return [*mobilenet_v2_features(128), *back, constants(960)]


def _edgetpu_blocks(rows: Sequence[tuple[int, int, int, int, int, bool]], side: int, channels: int) -> Layers:
    """Rows of (repeats, kernel, stride, factor, outputs, fused): fused is one convolution to the hidden width."""
    layers: Layers = []
    for repeats, kernel, stride, factor, outputs, fused in rows:
        for number in range(repeats):
            hidden, before = channels * factor, side
            side = -(-side // stride) if number == 0 else side
            if fused:
                layers.append(convolution(side, kernel, channels, hidden))
            else:
                layers += [convolution(before, 1, channels, hidden), depthwise(side, hidden, kernel)]
            layers.append(convolution(side, 1, hidden, outputs))
            channels = outputs
    return layers


def efficientnet_edgetpu_s() -> Layers:
    """EfficientNet-EdgeTPU-S, 224 x 224 (its block arguments in the repository of TPU models)."""
    rows = (
        (1, 3, 1, 4, 24, True),
        (2, 3, 2, 8, 32, True),
        (4, 3, 2, 8, 48, True),
        (5, 5, 2, 8, 96, False),
        (4, 5, 1, 8, 144, False),
        (2, 5, 2, 8, 192, False),
    )
    blocks = _edgetpu_blocks(rows, 112, 32)
    return [convolution(112, 3, 3, 32), *blocks, convolution(7, 1, 192, 1280), dense(1280, 1001)]


def mobilenet_edgetpu() -> Layers:
    """MobileNet EdgeTPU 1.0, 224 x 224."""
    rows = []
    for kernel, stride, outputs, fused in ((3, 2, 32, True), (3, 2, 48, True), (3, 2, 96, False), (3, 1, 96, False)):
        rows += [(1, kernel, stride, 8, outputs, fused), (3, kernel, 1, 4, outputs, fused)]
    rows += [(1, 5, 2, 8, 160, False), (3, 5, 1, 4, 160, False), (1, 3, 1, 8, 192, False)]
    stem = [convolution(112, 3, 3, 32), convolution(112, 3, 32, 16)]
    return [*stem, *_edgetpu_blocks(rows, 112, 16), convolution(7, 1, 192, 1280), dense(1280, 1001)]


def _mixed(
    side: int, inputs: int, one: int, three: tuple[int, int], far: tuple[int, ...], pool: int, last: int
) -> Layers:
    """An Inception block: 1 x 1, a 3 x 3 behind a 1 x 1, one or more `last` kernels behind a 1 x 1, pooled 1 x 1."""
    layers = [convolution(side, 1, inputs, width) for width in (one, three[0], far[0], pool) if width]
    layers.append(convolution(side, 3, *three))
    return [*layers, *(convolution(side, last, a, b) for a, b in pairwise(far))]


def inception_v1() -> Layers:
    """Inception v1, 224 x 224, 1001 classes (Szegedy et al., 2014, table 1; 3 x 3 in the place of 5 x 5)."""
    blocks = (
        (28, 192, 64, (96, 128), (16, 32), 32),
        (28, 256, 128, (128, 192), (32, 96), 64),
        (14, 480, 192, (96, 208), (16, 48), 64),
        (14, 512, 160, (112, 224), (24, 64), 64),
        (14, 512, 128, (128, 256), (24, 64), 64),
        (14, 512, 112, (144, 288), (32, 64), 64),
        (14, 528, 256, (160, 320), (32, 128), 128),
        (7, 832, 256, (160, 320), (32, 128), 128),
        (7, 832, 384, (192, 384), (48, 128), 128),
    )
    stem = [convolution(112, 7, 3, 64), convolution(56, 1, 64, 64), convolution(56, 3, 64, 192)]
    return [*stem, *chain.from_iterable(_mixed(*block, 3) for block in blocks), dense(1024, 1001)]


def inception_v2() -> Layers:
    """Inception v2, 224 x 224, 1001 classes, the first convolution in two parts."""
    blocks = (
        (28, 192, 64, (64, 64), (64, 96, 96), 32),
        (28, 256, 64, (64, 96), (64, 96, 96), 64),
        (14, 320, 0, (128, 160), (64, 96, 96), 0),
        (14, 576, 224, (64, 96), (96, 128, 128), 128),
        (14, 576, 192, (96, 128), (96, 128, 128), 128),
        (14, 576, 160, (128, 160), (128, 160, 160), 96),
        (14, 576, 96, (128, 192), (160, 192, 192), 96),
        (7, 576, 0, (128, 192), (192, 256, 256), 0),
        (7, 1024, 352, (192, 320), (160, 224, 224), 128),
        (7, 1024, 352, (192, 320), (192, 224, 224), 128),
    )
    stem = [depthwise(112, 24, 7), convolution(112, 1, 24, 64), convolution(56, 1, 64, 64), convolution(56, 3, 64, 192)]
    return [*stem, *chain.from_iterable(_mixed(*block, 3) for block in blocks), dense(1024, 1001)]


def _squares(width: int) -> Layers:
    """Inception v3's block of 17 x 17."""
    shapes = [(1, 768, 192), (1, 768, width), (7, width, width), (7, width, 192), (1, 768, width)]
    shapes += [*[(7, width, width)] * 3, (7, width, 192), (1, 768, 192)]
    return [convolution(17, (taps, 1), inputs, outputs) for taps, inputs, outputs in shapes]


def _v3_tail(classes: int) -> list[Layers]:
    """Inception v3 behind its mixed4: mixed5, 6, 7, 8, 9, 10 and the classes."""
    down = [convolution(17, 1, 768, 192), convolution(8, 3, 192, 320), convolution(17, 1, 768, 192)]
    down += [convolution(17, (7, 1), 192, 192), convolution(17, (1, 7), 192, 192), convolution(8, 3, 192, 192)]
    parts = [_squares(160), _squares(160), _squares(192), down]
    for inputs in (1280, 2048):
        shapes = [(1, inputs, 320), (1, inputs, 384), *[(3, 384, 384)] * 2, (1, inputs, 448), (9, 448, 384)]
        shapes += [*[(3, 384, 384)] * 2, (1, inputs, 192)]
        parts.append([convolution(8, (taps, 1), one, two) for taps, one, two in shapes])
    return [*parts, [dense(2048, classes)]]


def inception_v3() -> Layers:
    """Inception v3, 299 x 299, 1001 classes (Szegedy et al., 2015, table 1, as TensorFlow's slim has it)."""
    layers = [convolution(149, 3, 3, 32), convolution(147, 3, 32, 32), convolution(147, 3, 32, 64)]
    layers += [convolution(73, 1, 64, 80), convolution(71, 3, 80, 192)]
    for inputs, pool in ((192, 32), (256, 64), (288, 64)):
        shapes = ((1, inputs, 64), (1, inputs, 48), (5, 48, 64), (1, inputs, 64), (3, 64, 96), (3, 96, 96))
        layers += [convolution(35, *shape) for shape in (*shapes, (1, inputs, pool))]
    layers += [convolution(17, 3, 288, 384), convolution(35, 1, 288, 64), convolution(35, 3, 64, 96)]
    return [*layers, convolution(17, 3, 96, 96), *_squares(128), *chain.from_iterable(_v3_tail(1001))]


def resnet(repeats: Sequence[int], classes: int) -> Layers:
    """ResNet of three convolutions a block, 224 x 224."""
    layers, channels, side = [convolution(112, 7, 3, 64)], 64, 56
    for number, (width, count) in enumerate(zip((64, 128, 256, 512), repeats, strict=True)):
        side = side // 2 if number else side
        for block in range(count):
            layers += [convolution(side, 1, channels, 4 * width)] if block == 0 else []
            layers += [convolution(side, 1, channels, width), convolution(side, 3, width, width)]
            layers.append(convolution(side, 1, width, 4 * width))
            channels = 4 * width
    return [*layers, dense(2048, classes)]


def _block(side: int, inputs: int, width: int) -> Layers:
    shortcut = [convolution(side, 1, inputs, 4 * width)] if inputs != 4 * width else []
    shapes = ((1, inputs, width), (3, width, width), (1, width, 4 * width))
    return [*shortcut, *(convolution(side, *shape) for shape in shapes)]


def _resnet_tail(fourth: Sequence[int]) -> list[Layers]:
    """ResNet in parts: so many blocks of its fourth stage each, then the three of the fifth and the classes."""
    parts = [list(chain.from_iterable(_block(14, 1024, 256) for _ in range(count))) for count in fourth]
    return [*parts, _block(7, 1024, 512), _block(7, 2048, 512), _block(7, 2048, 512), [dense(2048, 1000)]]


def _xception_tail() -> list[Layers]:
    """Xception behind its fifth block: two, two, two and one of the middle, the exit in two, the classes."""

    def separable(side: int, inputs: int, outputs: int) -> Layers:
        return [depthwise(side, inputs), convolution(side, 1, inputs, outputs)]

    middle = separable(19, 728, 728) * 3
    end = [*separable(19, 728, 728), *separable(19, 728, 1024), convolution(10, 1, 728, 1024)]
    return [
        *[middle * 2] * 3,
        middle,
        [*end, *separable(10, 1024, 1536)],
        separable(10, 1536, 2048),
        [dense(2048, 1000)],
    ]


def _densenet_parts() -> list[Layers]:
    """DenseNet-201 in the eight parts of the logs; a block's input is scaled by stored numbers."""

    def blocks(side: int, start: int, first: int, last: int) -> Layers:
        layers: Layers = []
        for number in range(first - 1, last):
            wide = start + 32 * number
            layers += [constants(wide), constants(wide), convolution(side, 1, wide, 128), convolution(side, 3, 128, 32)]
        return layers

    def narrow(side: int, wide: int) -> Layers:
        return [constants(wide), constants(wide), convolution(side, 1, wide, wide // 2)]

    first = [convolution(112, 7, 3, 64), *blocks(56, 64, 1, 6), *narrow(56, 256)]
    first += [*blocks(28, 128, 1, 12), *narrow(28, 512), *blocks(14, 256, 1, 14)]
    fourth = [*blocks(14, 256, 45, 48), *narrow(14, 1792), *blocks(7, 896, 1, 0)]
    last = [*blocks(7, 896, 26, 32), constants(1920), constants(1920)]
    middle = [blocks(14, 256, 15, 32), blocks(14, 256, 33, 44), fourth, blocks(7, 896, 1, 14), blocks(7, 896, 15, 25)]
    return [first, *middle, last, [dense(1920, 1000)]]


def facenet() -> Layers:
    """Inception-ResNet v1, 160 x 160, 128 numbers of a face (Szegedy et al., 2016, section 3.2, as FaceNet has it)."""
    layers = [convolution(79, 3, 3, 32), convolution(77, 3, 32, 32), convolution(77, 3, 32, 64)]
    layers += [convolution(38, 1, 64, 80), convolution(36, 3, 80, 192), convolution(17, 3, 192, 256)]
    for _ in range(5):
        shapes = ((1, 256, 32), (1, 256, 32), (3, 32, 32), (1, 256, 32), (3, 32, 32), (3, 32, 32), (1, 96, 256))
        layers += [convolution(17, *shape) for shape in shapes]
    layers += [convolution(8, 3, 256, 384), convolution(17, 1, 256, 192), convolution(17, 3, 192, 192)]
    layers.append(convolution(8, 3, 192, 256))
    for side, inputs, width, long, repeats in ((8, 896, 128, 7, 10), (3, 1792, 192, 3, 6)):
        if side == 3:
            layers += [convolution(8, 1, 896, 256) for _ in range(3)]
            layers += [convolution(3, 3, 256, outputs) for outputs in (384, 256, 256)]
            layers.append(convolution(8, 3, 256, 256))
        for _ in range(repeats):
            layers += [convolution(side, 1, inputs, width), convolution(side, 1, inputs, width)]
            layers += [convolution(side, (1, long), width, width), convolution(side, (long, 1), width, width)]
            layers.append(convolution(side, 1, 2 * width, inputs))
    return [*layers, dense(1792, 128)]


def _c3(side: int, inputs: int, outputs: int, repeats: int) -> Layers:
    half = outputs // 2
    layers = [
        convolution(side, 1, inputs, half),
        convolution(side, 1, inputs, half),
        convolution(side, 1, outputs, outputs),
    ]
    for _ in range(repeats):
        layers += [convolution(side, 1, half, half), convolution(side, 3, half, half)]
    return layers


def yolov5n(side: int, heads: Layers) -> Layers:
    """YOLOv5n up to its detection layers; `side` is that of a square with as many places as the picture."""
    at = [side >> step for step in range(6)]
    layers = [convolution(at[1], 6, 3, 16), convolution(at[2], 3, 16, 32), *_c3(at[2], 32, 32, 1)]
    layers += [convolution(at[3], 3, 32, 64), *_c3(at[3], 64, 64, 2), convolution(at[4], 3, 64, 128)]
    layers += [*_c3(at[4], 128, 128, 3), convolution(at[5], 3, 128, 256), *_c3(at[5], 256, 256, 1)]
    layers += [convolution(at[5], 1, 256, 128), convolution(at[5], 1, 512, 256), convolution(at[5], 1, 256, 128)]
    layers += [*_c3(at[4], 256, 128, 1), convolution(at[4], 1, 128, 64), *_c3(at[3], 128, 64, 1)]
    layers += [convolution(at[4], 3, 64, 64), *_c3(at[4], 128, 128, 1), convolution(at[5], 3, 128, 128)]
    return [*layers, *_c3(at[5], 256, 256, 1), *heads]


def _boxes(side: int) -> Layers:
    """Three anchors a place, a few classes."""
    return [convolution(side >> step, 1, wide, 45) for step, wide in ((3, 64), (4, 128), (5, 256))]


def _boxes_without_anchors(side: int) -> Layers:
    """Sides as distributions over 16 steps, 80 classes (YOLOv8's detection layers)."""
    layers = []
    for step, wide in ((3, 64), (4, 128), (5, 256)):
        for width in (64, 80):
            shapes = ((3, wide, width), (3, width, width), (1, width, width))
            layers += [convolution(side >> step, *shape) for shape in shapes]
    return layers


def _weather(places: int, shared: int) -> Layers:
    """The three paths of a forecast of 27 features at `places` times, behind a shared layer of that width if any."""
    read = shared or places * 27
    layers = [dense(places * 27, shared)] if shared else []
    layers += [dense(read, 16), dense(read, 128), dense(read, 16), dense(128, 64), dense(128, 64), dense(64, 32)]
    return [*layers, dense(32, 32), *[dense(80, 1)] * 3]


def steering() -> Layers:
    """NVIDIA's network that steers, 66 x 200 (Bojarski et al., 2016, figure 4): squares of as many places."""
    shapes = ((55, 5, 3, 24), (26, 5, 24, 36), (11, 5, 36, 48), (8, 3, 48, 64), (4, 3, 64, 64))
    layers = [convolution(*shape) for shape in shapes]
    return [*layers, dense(1152, 100), dense(100, 50), dense(50, 10), dense(10, 1)]


def _tails(name: str, parts: Sequence[Layers]) -> dict[str, Layers]:
    """`name`_from2 is all of `parts`, `name`_from3 all but the first, and so on."""
    rests = list(accumulate(reversed(parts), lambda rest, part: [*part, *rest]))
    return {f"{name}_from{len(parts) - number + 1}": rest for number, rest in enumerate(rests)}


def logged() -> dict[str, Layers]:
    """Every network of `edgetpu_logs.csv` by its name there."""
    trained = {"mobilenet_v1_224": mobilenet_v1(), "mobilenet_v2_224": mobilenet_v2()}
    trained |= {"deeplab_mobilenet_v2_513": deeplab(), "ssd_mobilenet_v2_300": ssd_mobilenet_v2()}
    trained |= {"inception_v1_224": inception_v1(), "inception_v2_224": inception_v2()}
    trained |= {"inception_v3_299": inception_v3(), "inception_v4_299": inception_v4()}
    trained |= {"mnist_dense": [dense(784, 10)]}
    trained |= {"weather_three_wide": _weather(180, 0), "weather_bottleneck": _weather(180, 64)}
    trained |= {"weather_pooled": _weather(30, 64)}
    trained |= {f"densenet201_part{number}": part for number, part in enumerate(_densenet_parts(), 1)}
    trained |= _tails("resnet50", _resnet_tail((3, 1, 1)))
    trained |= _tails("resnet101", _resnet_tail((5, 5, 5, 5)))
    trained |= _tails("inception_v3", _v3_tail(1000)) | _tails("xception", _xception_tail())
    after = {"unet_mobilenet_v2_128": unet_mobilenet_v2(), "mobilenet_edgetpu_224": mobilenet_edgetpu()}
    after |= {"efficientnet_edgetpu_s_224": efficientnet_edgetpu_s()}
    after |= {"resnet50_224": resnet((3, 4, 6, 3), 1001), "resnet101_224": resnet((3, 4, 23, 3), 1000)}
    after |= {"resnet50_224_compiler_2": resnet50(224)}
    after |= {"steering_66x200": steering()}
    after |= {"dense_1024": [dense(1024, 1024)], "sparse_1024": [dense(1024, 1024)]}
    after |= {"dense_256": [dense(256, 256)], "dense_8192": [dense(8192, 8192)]}
    after |= {"facenet_160": facenet(), "yolov5n_480x640": yolov5n(544, _boxes(544))}
    after |= {"yolov5nu_320": yolov5n(320, _boxes_without_anchors(320))}
    found = {name: with_bytes(layers, scaled=False) for name, layers in trained.items()}
    return found | {name: with_bytes(layers, scaled=True) for name, layers in after.items()}
