"""What the DSP and Helium kernels compute is TFLite Micro's, bit for bit, on emulated cores."""

from __future__ import annotations

import pytest

from tests.mcu_kernels.batches import BATCHES
from tests.mcu_kernels.firmware import compile_for, differing_outputs, second_choices


@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m55"])
@pytest.mark.parametrize("name", BATCHES)
def test_layers_are_exact(name: str, core: str) -> None:
    model = BATCHES[name]().build()
    assert differing_outputs(model, compile_for(model, core)) == []


@pytest.mark.parametrize("core", ["cortex-m4", "cortex-m55"])
@pytest.mark.parametrize("name", ["pointwise", "depthwise", "rows and pools"])
def test_kernels_that_are_not_the_cheapest_are_exact_too(name: str, core: str) -> None:
    model = BATCHES[name]().build()
    assert differing_outputs(model, compile_for(model, core, second_choices(model, core))) == []


@pytest.mark.parametrize("core", ["cortex-m7", "cortex-m33"])
@pytest.mark.parametrize("name", ["windows", "depthwise"])
def test_layers_are_exact_on_other_cores_with_the_dsp_extension(name: str, core: str) -> None:
    model = BATCHES[name]().build()
    assert differing_outputs(model, compile_for(model, core)) == []


MUTATIONS = {
    "the product is not rounded": ("cortex-m4", "pointwise", "smmlar", "smmla"),
    "halves of negative sums go up": ("cortex-m4", "halves", "add r1, r7, ", "add r1, r7, #0 @ "),
    "a shift too many": ("cortex-m4", "depthwise", ", asr #1\\n", ", asr #2\\n"),
    "the product is not rounded, in vectors": ("cortex-m55", "pointwise", "vqrdmulh", "vqdmulh"),
    "halves of negative sums go up, in planes": ("cortex-m4", "halves", "add r7, r6, ", "add r7, r6, #0 @ "),
    "halves of negative sums go up, in vectors": (
        "cortex-m55",
        "halves",
        '"vshr.s32 q2, q3, #31',
        '"vsub.i32 q2, q3, q3',
    ),
}


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_wrong_rounding_is_noticed(name: str) -> None:
    core, batch, right, wrong = MUTATIONS[name]
    model = BATCHES[batch]().build()
    compiled = compile_for(model, core)
    assert right in compiled.files["model.c"]
    compiled.files["model.c"] = compiled.files["model.c"].replace(right, wrong)
    assert differing_outputs(model, compiled)
