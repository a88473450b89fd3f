"""How many instructions the kernels take for a product, on emulated cores: exact counts, so any loss is seen."""

from __future__ import annotations

import pytest

from tests.mcu_kernels.firmware import compile_for, run_on, samples_for
from tests.mcu_kernels.layers import RELU, LayerBatch

LIMITS = {
    # kernel: instructions per product on cortex-m4, on cortex-m55
    "pointwise": (0.90, 0.20),
    "first layer": (1.20, 0.42),
    "depthwise": (2.35, 1.10),
    "depthwise, stride 2": (3.60, 1.30),
}


def layers() -> bytes:
    batch = LayerBatch(0)
    batch.clamped_points = (-128,)
    batch.convolve((25, 5), (64, 64), clamp=RELU)
    batch.convolve((49, 10), (1, 64), kernel=(10, 4), stride=(2, 2), clamp=RELU)
    batch.depthwise((25, 5), 64, clamp=RELU)
    batch.depthwise((24, 24), 16, stride=(2, 2), clamp=RELU)
    return batch.build()


@pytest.mark.parametrize(("core", "column"), [("cortex-m4", 0), ("cortex-m55", 1)])
def test_instructions_per_product_stay_below_what_was_reached(core: str, column: int) -> None:
    compiled = compile_for(layers(), core)
    run = run_on(compiled, samples_for(compiled))
    reached = {name: run.layers[layer.symbol] / layer.macs for name, layer in zip(LIMITS, compiled.layers, strict=True)}
    assert {name: value for name, value in reached.items() if value > LIMITS[name][column]} == {}
