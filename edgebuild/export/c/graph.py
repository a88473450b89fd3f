"""The model as the compiler sees it: tensors, nodes and the graph that they form."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

ITEM_BYTES = {"int8": 1, "uint8": 1, "int16": 2, "int32": 4, "float32": 4, "bool": 1, "int64": 8}
"""Bytes of one element in the arena."""


@dataclass(frozen=True)
class Quantization:
    """real = (stored - zero_point) * scale, with one pair per tensor or one per slice along `axis`.

    Scales are the file's float32 numbers, widened: the arithmetic on them must round where TFLite Micro rounds.
    """

    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int | None = None

    @property
    def scale(self) -> float:
        """The scale of a tensor that has one."""
        return self.scales[0]

    @property
    def zero_point(self) -> int:
        """The zero point of a tensor that has one."""
        return self.zero_points[0]


@dataclass(frozen=True, eq=False)
class Tensor:
    """One tensor of the file.

    Attributes:
        index: its number in the file.
        dtype: numpy's word; `int4` for packed weights, whose `data` is already one int8 per element.
        data: the stored values in the tensor's shape; None where the values are computed at run time.
    """

    index: int
    name: str
    shape: tuple[int, ...]
    dtype: str
    quantization: Quantization | None = None
    data: np.ndarray | None = None

    @property
    def elements(self) -> int:
        """How many values it holds."""
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """Bytes in the arena."""
        return self.elements * ITEM_BYTES[self.dtype]

    @property
    def scale(self) -> float:
        """The scale; the tensor must be quantized, which `read.py` and the kernels' `supports` see to."""
        assert self.quantization is not None
        return self.quantization.scale

    @property
    def zero_point(self) -> int:
        """The zero point; 0 for a tensor that is not quantized."""
        return self.quantization.zero_point if self.quantization else 0


@dataclass(frozen=True, eq=False)
class Node:
    """One operation.

    Attributes:
        index: its number in the file.
        op: the schema's word, `CONV_2D`.
        inputs: None where an optional input is left out.
        options: the fields of the operation's options as the schema's object names them, and what legalising added.
        layer: the user's name for the layer, from the file; the output tensor's name where it has none.
    """

    index: int
    op: str
    version: int
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    layer: str = ""

    @property
    def input(self) -> Tensor:
        """The first input, which every operation has."""
        assert self.inputs[0] is not None
        return self.inputs[0]

    @property
    def output(self) -> Tensor:
        """The first output."""
        return self.outputs[0]

    def computed_inputs(self) -> list[Tensor]:
        """Inputs that are not constants of the file."""
        return [tensor for tensor in self.inputs if tensor is not None and tensor.data is None]


@dataclass(frozen=True)
class Part:
    """Some consecutive bytes of a tensor that lies whole in the arena: rows of an image."""

    whole: Tensor
    offset: int


@dataclass(frozen=True)
class Graph:
    """The main graph of a file, its nodes in the order in which they run.

    Attributes:
        label: what messages call the file.
        views: tensor index -> tensor index whose bytes it is (a reshape costs nothing).
        parts: tensor index -> the tensor of which it is a part, and where.
    """

    label: str
    nodes: tuple[Node, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]
    views: Mapping[int, int] = field(default_factory=dict)
    parts: Mapping[int, Part] = field(default_factory=dict)

    def reader_counts(self) -> Mapping[int, int]:
        """Tensor index -> how often it is read, by nodes and by the caller; 0 where it is not."""
        read = [tensor for node in self.nodes for tensor in node.computed_inputs()]
        return Counter(tensor.index for tensor in (*read, *self.outputs))

    def buffer(self, tensor: Tensor) -> int:
        """Index of the tensor whose bytes `tensor` shares: its own unless it is a view or a part."""
        index = self.parts[tensor.index].whole.index if tensor.index in self.parts else tensor.index
        while index in self.views:
            index = self.views[index]
        return index

    def offset(self, tensor: Tensor) -> int:
        """Bytes from the start of the buffer to the tensor's first value."""
        return self.parts[tensor.index].offset if tensor.index in self.parts else 0

    def buffer_bytes(self, tensor: Tensor) -> int:
        """Bytes of the buffer that `tensor` needs to be there."""
        return self.parts[tensor.index].whole.bytes if tensor.index in self.parts else tensor.bytes
