"""The arena of a .tflite file: memory for activations, planned the way the interpreter plans it."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from edgebuild.runtime.litert_flatbuffer import stored_bytes, tensor_shape, type_name

SOURCE = (
    "planned from the file: greedy by size over tensor lifetimes, 64-byte alignment, as the interpreter does; "
    "main graph's inputs, outputs and activations, without the kernels' own scratch"
)
_ALIGNMENT = 64


@dataclass(frozen=True)
class _Block:
    """A tensor's memory: alive from operation `first` to `last`, inclusive."""

    size: int
    first: int
    last: int
    offset: int = 0


def plan_arena(model: Any) -> int | None:
    """Bytes of the main graph's arena; None where a shape is dynamic.

    Source of the strategy: Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net Inference" (2020),
    section 5.2, greedy by size.
    """
    blocks = _blocks(model)
    if blocks is None:
        return None
    placed: list[_Block] = []
    for block in sorted(blocks, key=lambda block: (-block.size, block.first)):
        neighbours = sorted(
            (other for other in placed if other.first <= block.last and block.first <= other.last),
            key=lambda other: other.offset,
        )
        placed.append(_Block(block.size, block.first, block.last, _gap(block, neighbours)))
    return max((block.offset + block.size for block in placed), default=0)


def _gap(block: _Block, neighbours: list[_Block]) -> int:
    """The offset of the smallest hole that fits between blocks alive at the same time, else behind the last."""
    best: tuple[int, int] | None = None
    end = 0
    for other in neighbours:
        hole = other.offset - end
        if hole >= block.size and (best is None or hole < best[0]):
            best = (hole, end)
        end = max(end, _aligned(other.offset + other.size))
    return best[1] if best else end


def _blocks(model: Any) -> list[_Block] | None:
    graph = model.subgraphs[0]
    operators = graph.operators or []
    first = {int(index): 0 for index in graph.inputs}
    last: dict[int, int] = {}
    for number, operator in enumerate(operators):
        for index in operator.outputs:
            first.setdefault(int(index), number)
            last[int(index)] = max(last.get(int(index), number), number)
        for index in operator.inputs:
            if index >= 0:
                last[int(index)] = number
    end = max(len(operators) - 1, 0)
    last.update({int(index): end for index in (*graph.inputs, *graph.outputs)})
    blocks = []
    for index, born in first.items():
        tensor = graph.tensors[index]
        if stored_bytes(model, tensor) is not None:
            continue
        shape = tensor_shape(tensor)
        if any(size < 0 for size in shape) or (tensor.shapeSignature is not None and any(tensor.shapeSignature < 0)):
            return None
        blocks.append(_Block(_bytes(shape, type_name(tensor.type)), born, last.get(index, born)))
    return blocks


def _bytes(shape: tuple[int, ...], dtype: str) -> int:
    if dtype == "int4":
        return (prod(shape) + 1) // 2
    return prod(shape) * (np.dtype(dtype).itemsize if dtype in np.sctypeDict else 1)


def _aligned(offset: int) -> int:
    return -(-offset // _ALIGNMENT) * _ALIGNMENT
