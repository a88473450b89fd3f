"""Which layer of the user's model each operation of a .pte file comes from, by the metadata that the export put in.

The export records `layers = {"handles": {debug handle: layer}, "kernels": [[operator, layer], …]}`: nodes inside an
XNNPACK delegate carry their handle in the file, portable kernels are matched by operator and order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from edgebuild.runtime.executorch_file import PteFile
from edgebuild.runtime.executorch_xnnpack import BACKEND, XnnpackGraph, node_inputs, node_outputs

_VIEW_KERNELS = {"executorch_prim::et_view": ("aten::view_copy", "aten::_unsafe_view")}
"""Operators that the last passes rename."""

_RUNTIME_NAMES = {
    "XNNFullyConnected": r"Fully Connected|Dynamic Fully Connected",
    "XNNConv2d": r"Convolution",
    "XNNDepthwiseConv2d": r"Convolution",
    "XNNConvTranspose2d": r"Deconvolution",
    "XNNGlobalAvgPooling2d": r"Mean|Global Average Pooling|Sum",
    "XNNAvgPooling2d": r"Average Pooling",
    "XNNMaxPooling2d": r"Max Pooling",
    "XNNArgMaxPooling2d": r"ArgMax Pooling",
    "XNNStaticTranspose": r"Transpose",
    "XNNStaticReshape": r"Static Reshape|Copy|Reshape",
    "XNNStaticConstantPad": r"Constant Pad",
    "XNNStaticResizeBilinear2D": r"Resize Bilinear",
    "XNNBatchMatrixMultiply": r"Batch Matrix Multiply|Dynamic Batch",
    "XNNReciprocalSquareRoot": r"Reciprocal Square Root",
    "XNNSquareRoot": r"Square Root",
    "XNNHardswish": r"HardSwish",
    "XNNLeakyReLU": r"Leaky ReLU",
    "XNNStaticSlice": r"Slice",
}
"""XNNPACK's kind of node -> how its operator is called in a trace; every other kind `XNNFoo` is called `Foo`."""


class DelegatedNode(NamedTuple):
    """A node inside a delegate; `bounded` where an activation is folded into it, which may run as a clamp."""

    kind: str
    layer: str | None
    bounded: bool


@dataclass(frozen=True)
class LayerGuide:
    """Layers of a file's operations.

    Attributes:
        instructions: number of the instruction of a portable kernel -> layer.
        delegates: number of the instruction of a delegate call -> its nodes, in order.
    """

    instructions: dict[int, str | None]
    delegates: dict[int, list[DelegatedNode]]

    def match_delegated(self, instruction: int, names: list[str]) -> list[str | None]:
        """The layers of a delegate's operations as the runtime names them, in order.

        XNNPACK drops, fuses and inserts operations when it loads a graph; one that fits no remaining node has no layer.
        """
        steps: list[tuple[str, str | None]] = []
        for node in self.delegates.get(instruction, []):
            steps.append((node.kind, node.layer))
            if node.bounded:
                steps.append(("XNNClamp", node.layer))
        pairs = dict(_longest_match(steps, names))
        return [steps[pairs[position]][1] if position in pairs else None for position in range(len(names))]


def _longest_match(steps: list[tuple[str, str | None]], names: list[str]) -> list[tuple[int, int]]:
    """The longest common subsequence of nodes and the runtime's names, as (position in names, position in steps)."""
    best = [[0] * (len(steps) + 1) for _ in range(len(names) + 1)]
    for i in reversed(range(len(names))):
        for j in reversed(range(len(steps))):
            fits = 1 + best[i + 1][j + 1] if _is_called(steps[j][0], names[i]) else 0
            best[i][j] = max(fits, best[i + 1][j], best[i][j + 1])
    pairs, i, j = [], 0, 0
    while i < len(names) and j < len(steps):
        if _is_called(steps[j][0], names[i]) and best[i][j] == 1 + best[i + 1][j + 1]:
            pairs.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i][j + 1]:
            j += 1
        else:
            i += 1
    return pairs


def read_guide(file: PteFile) -> LayerGuide:
    """The layers of `file`; without our metadata every layer is None.

    Raises:
        MalformedBufferError: a delegate's payload is broken.
    """
    plan = file.forward()
    recorded = file.metadata().get("layers", {"handles": {}, "kernels": []})
    kernels = KernelLayers(recorded["kernels"])
    instructions: dict[int, str | None] = {}
    delegates: dict[int, list[DelegatedNode]] = {}
    for number, instruction in enumerate(plan["chains"][0]["instructions"]):
        call = instruction["instr_args"]
        if instruction["instr_args_type"] == "KernelCall":
            instructions[number] = kernels.next(plan["operators"][call["op_index"]]["name"])
        elif instruction["instr_args_type"] == "DelegateCall":
            delegate = plan["delegates"][call["delegate_index"]]
            if delegate["id"] == BACKEND:
                graph = XnnpackGraph(file, file.payload(delegate))
                layers = node_layers(graph, recorded["handles"])
                delegates[number] = [
                    DelegatedNode(node["xnode_union_type"], layer, node["output_min_max"] is not None)
                    for node, layer in zip(graph.nodes, layers, strict=True)
                ]
    return LayerGuide(instructions, delegates)


class KernelLayers:
    """Gives the layers of portable kernels: each operator's recorded layers in order."""

    def __init__(self, recorded: list[list[Any]]) -> None:
        """`recorded` is the metadata's list of [operator, layer]."""
        self._queues: dict[str, Iterator[str | None]] = {}
        for operator in {item[0] for item in recorded}:
            self._queues[operator] = iter([layer for name, layer in recorded if name == operator])

    def next(self, operator: str) -> str | None:
        """The layer of the next call of `operator`."""
        for name in (operator, *_VIEW_KERNELS.get(operator, ())):
            if name in self._queues:
                return next(self._queues[name], None)
        return None


def node_layers(graph: XnnpackGraph, handles: dict[str, str | None]) -> list[str | None]:
    """The layer of every node, by its handle; one that the delegate inserted belongs to its reader or feeder."""
    layers = [handles.get(str(node["debug_handle"])) for node in graph.nodes]
    readers: dict[int, str | None] = {}
    writers: dict[int, str | None] = {}
    for node, layer in zip(graph.nodes, layers, strict=True):
        readers.update({value: readers.get(value) or layer for value in node_inputs(node)})
        writers.update(dict.fromkeys(node_outputs(node), layer))
    for position in reversed(range(len(layers))):
        node = graph.nodes[position]
        if layers[position] is None:
            read = next((readers[v] for v in node_outputs(node) if readers.get(v)), None)
            layers[position] = read or next((writers[v] for v in node_inputs(node) if writers.get(v)), None)
            readers.update({value: readers.get(value) or layers[position] for value in node_inputs(node)})
    return layers


def _is_called(kind: str, name: str) -> bool:
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", kind.removeprefix("XNN"))
    return re.match(rf"(?:{_RUNTIME_NAMES.get(kind, re.escape(plain))})\b", name, re.IGNORECASE) is not None
