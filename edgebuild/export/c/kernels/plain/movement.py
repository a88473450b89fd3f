"""Operations that only move data: blocks are copied by loops with constant bounds."""

from __future__ import annotations

import math

from edgebuild.export.c.context import LayerContext
from edgebuild.export.c.copies import Loop, copy_loops
from edgebuild.export.c.graph import ITEM_BYTES, Node, Tensor
from edgebuild.export.c.kernel import KERNELS, Kernel
from edgebuild.export.c.shapes import constant_values, slice_of, strides


class _Movement(Kernel):
    """What all of them have in common."""

    def supports(self, node: Node) -> bool:
        """All forms."""
        return True

    def cost(self, node: Node) -> float:
        """A few instructions a value."""
        return 3.0 * sum(tensor.elements for tensor in node.outputs)


def _bytes_at(pointer: str, elements: int, tensor: Tensor) -> str:
    place = pointer if tensor.dtype == "int8" else f"(int8_t *){pointer}"
    return f"{place} + {elements * ITEM_BYTES[tensor.dtype]}" if elements else place


def _source(node: Node, context: LayerContext, index: int = 0, skip: int = 0) -> str:
    tensor = node.inputs[index]
    assert tensor is not None
    pointer = context.input(index)
    place = pointer if tensor.dtype == "int8" else f"(const int8_t *){pointer}"
    return f"{place} + {skip * ITEM_BYTES[tensor.dtype]}" if skip else place


class PadPlain(_Movement):
    """PAD and PADV2: the output is filled, and the input copied into it."""

    ops = ("PAD", "PADV2")

    def emit(self, node: Node, context: LayerContext) -> str:
        """A memset and the copies."""
        amounts = constant_values(node, 1)
        value = constant_values(node, 2)[0] if node.op == "PADV2" else node.output.zero_point
        to = strides(node.output.shape)
        skip = sum(before * stride for before, stride in zip(amounts[::2], to, strict=True))
        loops = [Loop(*each) for each in zip(node.input.shape, strides(node.input.shape), to, strict=True)]
        target = _bytes_at(context.output(), skip, node.output)
        fill = f"memset({context.output()}, {value}, {node.output.elements});"
        return f"{fill}\n{copy_loops(_source(node, context), target, loops, 1)}"


class TransposePlain(_Movement):
    """TRANSPOSE."""

    ops = ("TRANSPOSE",)

    def emit(self, node: Node, context: LayerContext) -> str:
        """The loops of the output, over the input's strides."""
        order = constant_values(node, 1)
        source = strides(node.input.shape)
        moved = [source[axis] for axis in order]
        loops = [Loop(*each) for each in zip(node.output.shape, moved, strides(node.output.shape), strict=True)]
        size = ITEM_BYTES[node.input.dtype]
        return copy_loops(_source(node, context), _bytes_at(context.output(), 0, node.output), loops, size)


class SlicePlain(_Movement):
    """SLICE and STRIDED_SLICE, steps below 0 included."""

    ops = ("SLICE", "STRIDED_SLICE")

    def emit(self, node: Node, context: LayerContext) -> str:
        """The loops of the output, over the input's strides times the steps."""
        begin, step, counts = slice_of(node)
        source = strides(node.input.shape)
        skip = sum(first * stride for first, stride in zip(begin, source, strict=True))
        moved = [stride * each for stride, each in zip(source, step, strict=True)]
        loops = [Loop(*each) for each in zip(counts, moved, strides(counts), strict=True)]
        size = ITEM_BYTES[node.input.dtype]
        target = _bytes_at(context.output(), 0, node.output)
        return copy_loops(_source(node, context, skip=skip), target, loops, size)


class ConcatenationPlain(_Movement):
    """CONCATENATION: every input is a block of each row of the output."""

    ops = ("CONCATENATION",)

    def emit(self, node: Node, context: LayerContext) -> str:
        """The copies of every input."""
        axis = int(node.options.get("axis", 0)) % len(node.output.shape)
        row = math.prod(node.output.shape[axis:])
        parts, at = [], 0
        for index, tensor in enumerate(node.inputs):
            assert tensor is not None
            block = math.prod(tensor.shape[axis:])
            loops = [Loop(math.prod(tensor.shape[:axis]), block, row), Loop(block, 1, 1)]
            size = ITEM_BYTES[tensor.dtype]
            target = _bytes_at(context.output(), at, node.output)
            parts.append(copy_loops(_source(node, context, index), target, loops, size))
            at += block
        return "\n".join(parts)


class SplitPlain(_Movement):
    """SPLIT and SPLIT_V: every output is a block of each row of the input."""

    ops = ("SPLIT", "SPLIT_V")

    def emit(self, node: Node, context: LayerContext) -> str:
        """The copies to every output."""
        axis = constant_values(node, 1 if node.op == "SPLIT" else 2)[0] % len(node.input.shape)
        row = math.prod(node.input.shape[axis:])
        parts, at = [], 0
        for index, tensor in enumerate(node.outputs):
            block = math.prod(tensor.shape[axis:])
            loops = [Loop(math.prod(tensor.shape[:axis]), row, block), Loop(block, 1, 1)]
            target = _bytes_at(context.output(index), 0, tensor)
            size = ITEM_BYTES[tensor.dtype]
            parts.append(copy_loops(_source(node, context, skip=at), target, loops, size))
            at += block
        return "\n".join(parts)


KERNELS.register("pad_plain")(PadPlain())
KERNELS.register("transpose_plain")(TransposePlain())
KERNELS.register("slice_plain")(SlicePlain())
KERNELS.register("concatenation_plain")(ConcatenationPlain())
KERNELS.register("split_plain")(SplitPlain())
