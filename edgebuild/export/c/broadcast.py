"""Loops over two inputs of different shapes: as few as possible around runs of consecutive output values."""

from __future__ import annotations

from dataclasses import dataclass

from edgebuild.export.c.context import LayerContext
from edgebuild.export.c.graph import Node, Tensor


@dataclass(frozen=True)
class Axis:
    """One loop: its count, and the elements that each input and the output move on per turn."""

    count: int
    a: int
    b: int
    out: int


def broadcast_axes(first: tuple[int, ...], second: tuple[int, ...], output: tuple[int, ...]) -> list[Axis]:
    """The loops, outermost first, neighbours merged where all three move on evenly; at least one."""
    rank = len(output)
    shapes = [(1,) * (rank - len(shape)) + shape for shape in (first, second)]
    axes: list[Axis] = []
    strides = [1, 1, 1]
    for axis in reversed(range(rank)):
        sizes = [shape[axis] for shape in shapes]
        moves = [stride if size > 1 else 0 for stride, size in zip(strides, sizes, strict=False)]
        found = Axis(output[axis], moves[0], moves[1], strides[2])
        strides = [strides[0] * sizes[0], strides[1] * sizes[1], strides[2] * output[axis]]
        if found.count == 1:
            continue
        if axes and _continues(axes[-1], found):
            inner = axes.pop()
            found = Axis(inner.count * found.count, inner.a, inner.b, inner.out)
        axes.append(found)
    return axes[::-1] or [Axis(1, 0, 0, 1)]


def _continues(inner: Axis, outer: Axis) -> bool:
    return (outer.a, outer.b, outer.out) == (inner.a * inner.count, inner.b * inner.count, inner.out * inner.count)


def broadcast_runs(call: str, node: Node, context: LayerContext) -> str:
    """C loops around `call`, in which {a}, {step_a}, {b}, {step_b}, {out} and {count} are filled in."""
    tensors: list[Tensor] = [tensor for tensor in node.inputs[:2] if tensor is not None]
    *outer, run = broadcast_axes(tensors[0].shape, tensors[1].shape, node.output.shape)
    places = {"a": context.input(0), "b": context.input(1), "out": context.output()}
    lines, indent = [], ""
    for depth, axis in enumerate(outer):
        name = f"i{depth}"
        lines.append(f"{indent}for (int32_t {name} = 0; {name} < {axis.count}; {name}++) {{")
        indent += "  "
        for key, stride in (("a", axis.a), ("b", axis.b), ("out", axis.out)):
            if stride:
                places[key] += f" + {name} * {stride}"
    lines.append(indent + call.format(**places, step_a=run.a, step_b=run.b, count=run.count))
    lines += ["  " * depth + "}" for depth in reversed(range(len(outer)))]
    return "\n".join(lines)
