"""Which layer of the user's model each operation of a .pte file comes from, by the metadata that the export put in.

The export records `layers = {"handles": {debug handle: layer}, "kernels": [[operator, layer], …]}`: nodes inside an
XNNPACK delegate carry their handle in the file, portable kernels are matched by operator and order.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

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


@dataclass(frozen=True)
class LayerGuide:
    """Layers of a file's operations.

    Attributes:
        instructions: number of the instruction of a portable kernel -> layer.
        delegates: number of the instruction of a delegate call -> (kind, layer) of each of its nodes, in order.
    """

    instructions: dict[int, str | None]
    delegates: dict[int, list[tuple[str, str | None]]]

    def match_delegated(self, instruction: int, names: list[str]) -> list[str | None]:
        """The layers of a delegate's operations as the runtime names them, in order.

        XNNPACK drops, fuses and inserts operations when it loads a graph; one that fits no remaining node has no layer.
        """
        nodes = self.delegates.get(instruction, [])
        position = 0
        layers: list[str | None] = []
        for name in names:
            fitting = (i for i in range(position, len(nodes)) if _is_called(nodes[i][0], name))
            found = next(fitting, None)
            layers.append(None if found is None else nodes[found][1])
            position = position if found is None else found + 1
        return layers


def read_guide(file: PteFile) -> LayerGuide:
    """The layers of `file`; without our metadata every layer is None.

    Raises:
        MalformedBufferError: a delegate's payload is broken.
    """
    plan = file.forward()
    recorded = file.metadata().get("layers", {"handles": {}, "kernels": []})
    kernels = KernelLayers(recorded["kernels"])
    instructions: dict[int, str | None] = {}
    delegates: dict[int, list[tuple[str, str | None]]] = {}
    for number, instruction in enumerate(plan["chains"][0]["instructions"]):
        call = instruction["instr_args"]
        if instruction["instr_args_type"] == "KernelCall":
            instructions[number] = kernels.next(plan["operators"][call["op_index"]]["name"])
        elif instruction["instr_args_type"] == "DelegateCall":
            delegate = plan["delegates"][call["delegate_index"]]
            if delegate["id"] == BACKEND:
                graph = XnnpackGraph(file, file.payload(delegate))
                kinds = [node["xnode_union_type"] for node in graph.nodes]
                delegates[number] = list(zip(kinds, node_layers(graph, recorded["handles"]), strict=True))
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
