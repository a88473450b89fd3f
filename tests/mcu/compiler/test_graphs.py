"""Whole networks: what is folded, cut, laid over each other in the arena or left out changes no bit of the outputs."""

from __future__ import annotations

import random
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edgebuild.export.c.compile import CompiledModel, CompileOptions, compile_model
from edgebuild.export.c.memory import Buffer, plan_memory
from tests.mcu.compiler import cases
from tests.mcu.compiler.flatbuffer import ModelBuilder, Spec
from tests.mcu.compiler.graphs import network
from tests.mcu.compiler.host import HostModel, random_inputs, run_oracle

REPEATABLE = settings(
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@settings(REPEATABLE, max_examples=60)
@given(model=network())
def test_networks_are_bit_exact(model: bytes) -> None:
    compiled = compile_model(model, "network.tflite", CompileOptions())
    host = HostModel(compiled)
    for seed in range(2):
        inputs = random_inputs(compiled, seed)
        for found, expected in zip(host.run(inputs), run_oracle(model, inputs), strict=True):
            np.testing.assert_array_equal(found, expected)


def pointwise_pair() -> bytes:
    """Two 1x1 convolutions of 32x32 pixels, 4 to 8 to 4 channels."""
    builder = ModelBuilder()
    values = np.random.default_rng(0).integers(-127, 128, 64).astype(np.int8)
    source = builder.tensor((1, 32, 32, 4), "int8", 0.1, 3)
    middle = builder.tensor((1, 32, 32, 8), "int8", 0.3, 0)
    target = builder.tensor((1, 32, 32, 4), "int8", 0.5, 0)
    first = builder.tensor((8, 1, 1, 4), "int8", 0.02, 0, values[:32].reshape(8, 1, 1, 4))
    second = builder.tensor((4, 1, 1, 8), "int8", 0.02, 0, values[32:].reshape(4, 1, 1, 8))
    options = {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
    builder.operate("CONV_2D", [source, first], [middle], 3, **options)
    builder.operate("CONV_2D", [middle, second], [target], 3, **options)
    return builder.build([source], [target])


def test_outputs_lie_over_the_inputs_they_are_computed_from() -> None:
    compiled = compile_model(pointwise_pair(), "pair.tflite", CompileOptions())
    largest = 32 * 32 * 8
    assert compiled.arena_bytes < largest + 64, "two buffers of 4 and 8 KiB, one over the other"
    inputs = random_inputs(compiled, 5)
    expected = run_oracle(pointwise_pair(), inputs)[0]
    np.testing.assert_array_equal(HostModel(compiled).run(inputs)[0], expected)


def test_a_network_without_memory_reuse_needs_more() -> None:
    compiled = compile_model(pointwise_pair(), "pair.tflite", CompileOptions())
    assert compiled.arena_lower_bound <= compiled.arena_bytes < sum(buffer.size for buffer in compiled.memory.buffers)


def dead_channels() -> bytes:
    """A 1x1 convolution whose channels 2 to 7 have no weights, a depthwise one, and one that reads all eight."""
    builder = ModelBuilder()
    generator = np.random.default_rng(1)
    values = generator.integers(-127, 128, (8, 1, 1, 4)).astype(np.int8)
    values[2:] = 0
    source = builder.tensor((1, 6, 6, 4), "int8", 0.1, 3)
    one, two = (builder.tensor((1, 6, 6, 8), "int8", 0.2, -128) for _ in range(2))
    target = builder.tensor((1, 6, 6, 5), "int8", 0.5, 0)
    bias = builder.tensor((8,), "int32", 0.002, 0, np.array([900, -20, -5, -9000, -3, 0, -7, -1], np.int32))
    first = builder.tensor((8, 1, 1, 4), "int8", 0.02, 0, values)
    spatial = builder.tensor((1, 3, 3, 8), "int8", 0.02, 0, generator.integers(-127, 128, (1, 3, 3, 8)))
    last = builder.tensor((5, 1, 1, 8), "int8", 0.02, 0, generator.integers(-127, 128, (5, 1, 1, 8)))
    options = {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
    builder.operate("CONV_2D", [source, first, bias], [one], 3, fusedActivationFunction=1, **options)
    builder.operate("DEPTHWISE_CONV_2D", [one, spatial], [two], 3, depthMultiplier=1, **options)
    builder.operate("CONV_2D", [two, last], [target], 3, **options)
    return builder.build([source], [target])


def test_channels_without_weights_are_cut_out() -> None:
    compiled = compile_model(dead_channels(), "dead.tflite", CompileOptions())
    assert [layer.output_shape[-1] for layer in compiled.layers] == [4, 4, 5], "8 channels, 6 of them always zero"
    inputs = random_inputs(compiled, 2)
    np.testing.assert_array_equal(HostModel(compiled).run(inputs)[0], run_oracle(dead_channels(), inputs)[0])


def test_padding_is_folded_into_the_convolution() -> None:
    builder = ModelBuilder()
    source = builder.tensor((1, 5, 5, 2), "int8", 0.1, 7)
    padded = builder.tensor((1, 7, 7, 2), "int8", 0.1, 7)
    target = builder.tensor((1, 5, 5, 3), "int8", 0.3, 0)
    weights = np.random.default_rng(0).integers(-127, 128, (3, 3, 3, 2)).astype(np.int8)
    kernel = builder.tensor(weights.shape, "int8", 0.02, 0, weights)
    builder.operate("PAD", [source, builder.constant([[0, 0], [1, 1], [1, 1], [0, 0]])], [padded], 2)
    options = {"padding": cases.VALID, "strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
    builder.operate("CONV_2D", [padded, kernel], [target], 3, **options)
    model = builder.build([source], [target])
    compiled = compile_model(model, "padded.tflite", CompileOptions())
    assert [layer.op for layer in compiled.layers] == ["CONV_2D"]
    inputs = random_inputs(compiled, 0)
    np.testing.assert_array_equal(HostModel(compiled).run(inputs)[0], run_oracle(model, inputs)[0])


def buffers(draw: Callable[..., int]) -> list[Buffer]:
    """A chain of steps: each output may lie over the input before it, and some buffers live on."""
    made = [Buffer("input", draw(1, 900), -1, 0)]
    for step in range(draw(1, 7)):
        over = {len(made) - 1: draw(0, 200)} if draw(0, 1) and made[-1].last == step else {}
        made.append(Buffer(f"step {step}", draw(1, 900), step, step + draw(1, 3), over))
    return made


@settings(REPEATABLE, max_examples=150)
@given(seed=st.integers(0, 10**6))
def test_no_two_buffers_share_a_byte_that_both_need(seed: int) -> None:
    made = buffers(random.Random(seed).randint)
    plan = plan_memory(made)
    assert plan.lower_bound <= plan.arena_bytes
    for number, one in enumerate(made):
        assert plan.offsets[number] % 16 == 0
        assert plan.offsets[number] + one.size <= plan.arena_bytes
        for other_number in range(number):
            other = made[other_number]
            if one.last < other.first or other.last < one.first:
                continue
            first, second = plan.offsets[number], plan.offsets[other_number]
            apart = first + one.size <= second or second + other.size <= first
            distance = one.over.get(other_number)
            assert apart or (distance is not None and first + distance <= second)


def test_plans_are_repeatable() -> None:
    made = buffers(random.Random(11).randint)
    assert plan_memory(made) == plan_memory(made)


def test_compiled_text_is_repeatable() -> None:
    def compiled() -> CompiledModel:
        return compile_model(dead_channels(), "dead.tflite", CompileOptions())

    assert compiled().files == compiled().files


@pytest.mark.parametrize(("function", "operations"), [("RELU", ["CONV_2D"]), ("LEAKY_RELU", ["CONV_2D", "LEAKY_RELU"])])
def test_an_activation_that_is_a_clamp_is_fused(function: str, operations: list[str]) -> None:
    builder = ModelBuilder()
    source = builder.tensor((1, 5, 5, 2), "int8", 0.1, 7)
    middle = builder.tensor((1, 5, 5, 3), "int8", 0.3, -20)
    target = builder.tensor((1, 5, 5, 3), "int8", 0.3, -20)
    weights = np.random.default_rng(0).integers(-127, 128, (3, 1, 1, 2)).astype(np.int8)
    kernel = builder.tensor(weights.shape, "int8", 0.02, 0, weights)
    options = {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
    builder.operate("CONV_2D", [source, kernel], [middle], 3, **options)
    builder.operate(function, [middle], [target], 1, **({"alpha": 0.1} if function == "LEAKY_RELU" else {}))
    model = builder.build([source], [target])
    compiled = compile_model(model, "activated.tflite", CompileOptions())
    assert [layer.op for layer in compiled.layers] == operations
    inputs = random_inputs(compiled, 0)
    np.testing.assert_array_equal(HostModel(compiled).run(inputs)[0], run_oracle(model, inputs)[0])


@settings(REPEATABLE, max_examples=25)
@given(model=network(), share=st.sampled_from([0.4, 0.6, 0.8]))
def test_first_layers_in_bands_are_bit_exact(model: bytes, share: float) -> None:
    whole = compile_model(model, "network.tflite", CompileOptions())
    limit = int(whole.arena_bytes * share)
    compiled = compile_model(model, "network.tflite", CompileOptions(arena_limit=limit))
    assert compiled.arena_bytes <= whole.arena_bytes
    inputs = random_inputs(compiled, 3)
    for found, expected in zip(HostModel(compiled).run(inputs), run_oracle(model, inputs), strict=True):
        np.testing.assert_array_equal(found, expected)


def wide_middle() -> bytes:
    """A small image that becomes 24 channels wide before it is pooled: its middle is what needs memory."""
    builder = ModelBuilder()
    generator = np.random.default_rng(4)
    shapes = [(1, 24, 24, 3), (1, 24, 24, 24), (1, 24, 24, 24), (1, 12, 12, 24), (1, 12, 12, 4)]
    tensors = [builder.tensor(shape, "int8", 0.1 * 4**place, -3) for place, shape in enumerate(shapes)]
    filters = [(24, 3, 3, 3), (1, 3, 3, 24), (1, 3, 3, 24), (4, 1, 1, 24)]
    for place, shape in enumerate(filters):
        values = generator.integers(-127, 128, shape).astype(np.int8)
        weights = builder.tensor(shape, "int8", 0.01, 0, values)
        stride = 2 if place == 2 else 1
        options = {"strideH": stride, "strideW": stride, "dilationHFactor": 1, "dilationWFactor": 1}
        if shape[0] == 1:
            options["depthMultiplier"] = 1
        name = "DEPTHWISE_CONV_2D" if shape[0] == 1 else "CONV_2D"
        builder.operate(name, [tensors[place], weights], [tensors[place + 1]], 3, **options)
    return builder.build([tensors[0]], [tensors[-1]])


def test_bands_make_a_network_fit_that_would_not() -> None:
    whole = compile_model(wide_middle(), "wide.tflite", CompileOptions())
    compiled = compile_model(wide_middle(), "wide.tflite", CompileOptions(arena_limit=8000))
    assert whole.arena_bytes > 14_000 > 8000 >= compiled.arena_bytes
    assert len(compiled.layers) > len(whole.layers)
    assert sum(layer.macs for layer in compiled.layers) < 1.5 * sum(layer.macs for layer in whole.layers)
    inputs = random_inputs(compiled, 0)
    expected = run_oracle(wide_middle(), inputs)[0]
    assert np.unique(expected).size > 50
    np.testing.assert_array_equal(HostModel(compiled).run(inputs)[0], expected)


def test_a_network_that_fits_is_not_cut() -> None:
    whole = compile_model(wide_middle(), "wide.tflite", CompileOptions())
    same = compile_model(wide_middle(), "wide.tflite", CompileOptions(arena_limit=whole.arena_bytes))
    assert same.files == whole.files


def clustered() -> bytes:
    """A 1x1 convolution of 32 to 64 channels whose weights have 12 distinct values, and one with all there are."""
    builder = ModelBuilder()
    generator = np.random.default_rng(6)
    source = builder.tensor((1, 3, 3, 32), "int8", 0.1, 3)
    middle = builder.tensor((1, 3, 3, 64), "int8", 2.0, 0)
    target = builder.tensor((1, 3, 3, 32), "int8", 40.0, 0)
    few = generator.choice(generator.integers(-127, 128, 12), (64, 1, 1, 32)).astype(np.int8)
    first = builder.tensor(few.shape, "int8", 0.02, 0, few)
    second = builder.tensor((32, 1, 1, 64), "int8", 0.02, 0, generator.integers(-127, 128, (32, 1, 1, 64)))
    options = {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}
    builder.operate("CONV_2D", [source, first], [middle], 3, **options)
    builder.operate("CONV_2D", [middle, second], [target], 3, **options)
    return builder.build([source], [target])


def test_clustered_weights_become_indices_where_flash_is_short() -> None:
    whole = compile_model(clustered(), "clustered.tflite", CompileOptions())
    total = whole.weight_bytes + whole.table_bytes
    small = compile_model(clustered(), "clustered.tflite", CompileOptions(constant_limit=total - 900))
    assert [layer.kernel for layer in small.layers] == ["convolution_codebook_plain", "pointwise_plain"]
    assert small.weight_bytes == whole.weight_bytes - 64 * 32 // 2 + 16
    inputs = random_inputs(small, 0)
    expected = run_oracle(clustered(), inputs)[0]
    assert np.unique(expected).size > 20
    np.testing.assert_array_equal(HostModel(small).run(inputs)[0], expected)


def test_weights_stay_as_they_are_where_flash_suffices() -> None:
    whole = compile_model(clustered(), "clustered.tflite", CompileOptions())
    limit = whole.weight_bytes + whole.table_bytes
    assert compile_model(clustered(), "clustered.tflite", CompileOptions(constant_limit=limit)).files == whole.files


def transposed_head(reader: str) -> bytes:
    """An image, its channels moved to the front, and what an exporter lets follow."""
    builder = ModelBuilder()
    source = builder.tensor((1, 3, 4, 5), "int8", 0.1, 3)
    moved = builder.tensor((1, 5, 3, 4), "int8", 0.1, 3)
    builder.operate("TRANSPOSE", [source, builder.constant([0, 3, 1, 2])], [moved], 2)
    if reader == "MEAN":
        target = builder.tensor((1, 5), "int8", 0.05, 0)
        builder.operate("MEAN", [moved, builder.constant([2, 3])], [target], 2, keepDims=False)
        return builder.build([source], [target])
    flat = builder.tensor((1, 60), "int8", 0.1, 3)
    target = builder.tensor((1, 7), "int8", 1.0, 0)
    values = np.random.default_rng(0).integers(-127, 128, (7, 60)).astype(np.int8)
    builder.operate("RESHAPE", [moved, builder.constant([1, 60])], [flat], newShape=[1, 60])
    builder.operate("FULLY_CONNECTED", [flat, builder.tensor((7, 60), "int8", 0.02, 0, values), None], [target], 4)
    return builder.build([source], [target])


@pytest.mark.parametrize("reader", ["MEAN", "FULLY_CONNECTED"])
def test_a_transpose_is_folded_into_what_reads_it(reader: str) -> None:
    compiled = compile_model(transposed_head(reader), "head.tflite", CompileOptions())
    assert [layer.op for layer in compiled.layers] == [reader]
    inputs = random_inputs(compiled, 0)
    expected = run_oracle(transposed_head(reader), inputs)[0]
    assert np.unique(expected).size > 3
    np.testing.assert_array_equal(HostModel(compiled).run(inputs)[0], expected)


def test_a_shape_that_is_computed_at_run_time_is_not() -> None:
    builder = ModelBuilder()
    source = builder.tensor((2, 3, 4), "int8", 0.1, 3)
    shape, flat = builder.tensor((3,), "int32"), builder.tensor((2, 12), "int8", 0.1, 3)
    target = builder.tensor((2, 12), "int8", 0.05, 3)
    builder.operate("SHAPE", [source], [shape])
    builder.operate("RESHAPE", [source, shape], [flat])
    builder.operate("RELU", [flat], [target])
    compiled = compile_model(builder.build([source], [target]), "shaped.tflite", CompileOptions())
    assert [layer.op for layer in compiled.layers] == ["RELU"]


def check_exact(builder: ModelBuilder, inputs: list[Spec], outputs: list[Spec]) -> CompiledModel:
    model = builder.build(inputs, outputs)
    compiled = compile_model(model, "small.tflite", CompileOptions())
    values = random_inputs(compiled, 4)
    for found, expected in zip(HostModel(compiled).run(values), run_oracle(model, values), strict=True):
        np.testing.assert_array_equal(found, expected)
    return compiled


def test_an_output_may_be_an_input_in_another_shape() -> None:
    builder = ModelBuilder()
    source, target = builder.tensor((1, 2, 6), "int8", 0.1, 3), builder.tensor((1, 12), "int8", 0.1, 3)
    builder.operate("RESHAPE", [source, builder.constant([1, 12])], [target], newShape=[1, 12])
    assert check_exact(builder, [source], [target]).layers == ()


def test_a_tensor_in_the_middle_may_be_an_output_too() -> None:
    builder = ModelBuilder()
    source, middle, target = (builder.tensor((1, 40), "int8", scale, -5) for scale in (0.1, 0.08, 0.07))
    builder.operate("RELU", [source], [middle])
    builder.operate("LEAKY_RELU", [middle], [target], alpha=0.2)
    compiled = check_exact(builder, [source], [target, middle])
    assert len({port.offset for port in compiled.outputs}) == 2


def test_an_input_that_is_read_again_later_is_kept() -> None:
    builder = ModelBuilder()
    source, middle, target = (builder.tensor((1, 40), "int8", scale, -5) for scale in (0.1, 0.08, 0.2))
    builder.operate("RELU", [source], [middle])
    builder.operate("ADD", [middle, source], [target], 2)
    check_exact(builder, [source], [target])


def test_parts_of_a_split_may_stay_unread() -> None:
    builder = ModelBuilder()
    source, target = builder.tensor((1, 12), "int8", 0.1, 3), builder.tensor((1, 4), "int8", 0.1, -9)
    parts = [builder.tensor((1, 4), "int8", 0.1, 3) for _ in range(3)]
    builder.operate("SPLIT", [builder.constant([1]), source], parts, 2, numSplits=3)
    builder.operate("RELU", [parts[1]], [target])
    check_exact(builder, [source], [target])


def test_the_first_operand_may_be_a_constant() -> None:
    builder = ModelBuilder()
    source, target = builder.tensor((1, 3, 4), "int8", 0.1, 3), builder.tensor((1, 3, 4), "int8", 0.2, -9)
    constant = builder.tensor((4,), "int8", 0.3, 7, np.array([-128, 5, 90, 127]))
    builder.operate("SUB", [constant, source], [target], 2)
    check_exact(builder, [source], [target])


def test_two_inputs_and_two_outputs_keep_their_order() -> None:
    builder = ModelBuilder()
    sources = [builder.tensor((1, size), "int8", 0.1, 3) for size in (7, 5)]
    targets = [builder.tensor((1, size), "int8", 0.05, -9) for size in (7, 5)]
    for source, target in zip(sources, targets, strict=True):
        builder.operate("RELU6", [source], [target])
    check_exact(builder, sources, targets[::-1])
