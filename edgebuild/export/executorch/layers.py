"""Names of the user's layers, carried on the graph's nodes from the first export to the lowered program."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch.export import ExportedProgram

_KEY = "edgebuild_layer"
_WEIGHTED = ("convolution", "conv", "linear", "addmm", "mm", "embedding")
_TRANSFORMERS = (
    "Transformer",
    *(f"Transformer{side}{part}" for side in ("Encoder", "Decoder") for part in ("", "Layer")),
)
_CONTAINERS = ("Sequential", "ModuleList", "ModuleDict", *_TRANSFORMERS)
"""Layers of torch that hold layers: what is inside has names of its own, as a claim about it has."""


def mark_layers(exported: ExportedProgram) -> tuple[str, ...]:
    """Write each node's layer into its metadata, which every later pass keeps; return the layers in forward order.

    A node of a torch.nn layer carries that module's dotted name (`body.0`); an operation that a forward calls by itself
    is named after the module and the operation (`block.add`, `add`, the second one `add_1`).
    """
    seen: Counter[str] = Counter()
    layers: dict[str, None] = {}
    for node in exported.graph.nodes:
        if node.op != "call_function":
            continue
        name = _module_name(node)
        if name is None:
            name = _operation_name(node)
            seen[name] += 1
            name = name if seen[name] == 1 else f"{name}_{seen[name] - 1}"
        set_layer(node, name)
        layers[name] = None
    return tuple(layers)


def set_layer(node: torch.fx.Node, layer: str) -> None:
    """Say which layer a node belongs to."""
    node.meta["custom"] = {**node.meta.get("custom", {}), _KEY: layer}


def layer_of(node: torch.fx.Node) -> str | None:
    """The layer of a node; a quantize or dequantize belongs to the layer that feeds it."""
    while "quantize" in str(node.target) and node.args and hasattr(node.args[0], "meta"):
        node = node.args[0]  # type: ignore[assignment]
    found: str | None = node.meta.get("custom", {}).get(_KEY)
    return found


def is_part(name: str, layer: str) -> bool:
    """Whether `name`, of an operation, is that of the layer or of what its forward calls by itself."""
    return name == layer or name.startswith(f"{layer}.")


def record_layers(program: ExportedProgram) -> dict[str, Any]:
    """What the file says about layers: by debug handle inside delegates, by order for portable kernels."""
    handles: dict[str, str | None] = {}
    kernels: list[list[str | None]] = []
    for node, inside in _calls(program.graph_module):
        handle = node.meta.get("debug_handle")
        layer = layer_of(node)
        if inside and isinstance(handle, int) and layer is not None:
            handles.setdefault(str(handle), layer)
        operator = getattr(node.target, "_schema", None)
        if not inside and operator is not None:
            kernels.append([operator.name, layer])
    return {"handles": handles, "kernels": kernels}


def weighted_layers(program: ExportedProgram) -> list[str | None]:
    """Layers of the operations inside delegates that have a weight, in the order of execution."""
    return [
        layer_of(node)
        for node, inside in _calls(program.graph_module)
        if inside and any(f"aten.{name}" in str(node.target) for name in _WEIGHTED)
    ]


def lowered_modules(graph_module: torch.fx.GraphModule) -> Iterator[Any]:
    """The delegates of a lowered graph, in order."""
    for node in graph_module.graph.nodes:
        if node.op == "get_attr" and str(node.target).startswith("lowered_module"):
            yield getattr(graph_module, str(node.target))


def _calls(graph_module: torch.fx.GraphModule) -> Iterator[tuple[torch.fx.Node, bool]]:
    """Every call with whether it is inside a delegate."""
    for node in graph_module.graph.nodes:
        if node.op == "call_function":
            yield node, False
    for module in lowered_modules(graph_module):
        for node in module.original_module.graph.nodes:
            if node.op == "call_function":
                yield node, True


def _module_name(node: torch.fx.Node) -> str | None:
    """The dotted name of the torch.nn layer that a node comes from; None for an operation of a forward of the user."""
    stack = list(node.meta.get("nn_module_stack", {}).values())
    for path, kind in stack:
        name = kind if isinstance(kind, str) else f"{kind.__module__}.{kind.__qualname__}"
        if path and name.startswith("torch.nn.modules.") and name.rsplit(".", 1)[-1] not in _CONTAINERS:
            return _plain(path)
    return None


def _operation_name(node: torch.fx.Node) -> str:
    stack = list(node.meta.get("nn_module_stack", {}).values())
    path = _plain(stack[-1][0]) if stack else ""
    operation = str(node.target).removeprefix("aten.").split(".")[0]
    return f"{path}.{operation}" if path else operation


def _plain(path: str) -> str:
    """`body.0@1` (its second call) -> `body.0`."""
    return ".".join(part.split("@")[0] for part in path.split("."))
