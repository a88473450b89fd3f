"""Random layers on the DSP extension and on Helium: what is computed there is TFLite Micro's, and a failure is shrunk.

Each example is a batch of layers, so that one run of the emulator checks them all; shrinking leaves what differs.
"""

from __future__ import annotations

from math import gcd
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.mcu_kernels.firmware import compile_for, differing_outputs
from tests.mcu_kernels.layers import NONE, RELU, RELU6, SAME, VALID, LayerBatch

FEWEST, LAYERS, BATCHES = 8, 24, 50
"""Layers of a batch; few at once would mostly measure how long compiling takes."""
AT_LEAST = 300
"""Layers that were tried on each core."""
STACK_OF_RANDOM_LAYERS = 320
"""B; the models of benchmarks/mcu.py are held to 256."""

Layer = tuple[str, tuple[Any, ...], dict[str, Any]]


@st.composite
def window(draw: st.DrawFn, largest: int) -> tuple[tuple[int, int], dict[str, Any]]:
    """Size of the image, and kernel, stride, dilation and padding that fit it."""
    size = (draw(st.integers(1, 9)), draw(st.integers(1, 9)))
    kernel = (draw(st.integers(1, largest)), draw(st.integers(1, largest)))
    stride = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    dilation = (1, 1)
    if stride == (1, 1):
        dilation = (draw(st.integers(1, 2)), draw(st.integers(1, 2)))
    fits = all((taps - 1) * gap < each for taps, gap, each in zip(kernel, dilation, size, strict=True))
    padding = draw(st.sampled_from([SAME, VALID])) if fits else SAME
    return size, {"kernel": kernel, "stride": stride, "dilation": dilation, "padding": padding}


@st.composite
def values(draw: st.DrawFn) -> dict[str, int]:
    """Clamp, and the range of the weights."""
    return {"clamp": draw(st.sampled_from([NONE, RELU, RELU6])), "lowest": draw(st.sampled_from([-127, -128, -1]))}


@st.composite
def convolution(draw: st.DrawFn) -> Layer:
    size, options = draw(window(4))
    in_c, out_c = draw(st.integers(1, 36)), draw(st.integers(1, 20))
    groups = draw(st.sampled_from([each for each in (1, 2, 3, 4) if gcd(in_c, out_c) % each == 0]))
    images = draw(st.integers(1, 2))
    return "convolve", (size, (in_c, out_c)), {**options, **draw(values()), "groups": groups, "images": images}


@st.composite
def depthwise(draw: st.DrawFn) -> Layer:
    size, options = draw(window(5))
    factor, images = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    extra = {"factor": factor, "images": images}
    return "depthwise", (size, draw(st.integers(1, 36))), {**options, **draw(values()), **extra}


@st.composite
def connection(draw: st.DrawFn) -> Layer:
    clamp = draw(st.sampled_from([NONE, RELU, RELU6]))
    return (
        "connect",
        (draw(st.integers(1, 3)), draw(st.integers(1, 90)), draw(st.integers(1, 24))),
        {"clamp": clamp},
    )


@st.composite
def pool(draw: st.DrawFn) -> Layer:
    size = (draw(st.integers(1, 7)), draw(st.integers(1, 7)))
    kernel = (draw(st.integers(1, size[0])), draw(st.integers(1, size[1])))
    stride = (draw(st.integers(1, 2)), draw(st.integers(1, 2)))
    name = draw(st.sampled_from(["AVERAGE_POOL_2D", "MAX_POOL_2D"]))
    options = {"kernel": kernel, "stride": stride, "padding": draw(st.sampled_from([SAME, VALID]))}
    return "pool", (name, size, draw(st.integers(1, 24))), options


layers = st.one_of(convolution(), convolution(), depthwise(), depthwise(), connection(), pool())
"""Convolutions are the most: they have the most paths."""


@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m55"])
def test_random_layers_are_exact(core: str) -> None:
    tried = 0

    @settings(
        max_examples=BATCHES,
        derandomize=True,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(layers, min_size=FEWEST, max_size=LAYERS), st.integers(0, 2**16))
    def check(chosen: list[Layer], seed: int) -> None:
        nonlocal tried
        tried += len(chosen)
        batch = LayerBatch(seed)
        for method, arguments, options in chosen:
            getattr(batch, method)(*arguments, **options)
        model = batch.build()
        assert differing_outputs(model, compile_for(model, core), STACK_OF_RANDOM_LAYERS) == []

    check()
    assert tried >= AT_LEAST
