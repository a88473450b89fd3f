"""The weights of a graph beside a file, with the batch norms behind them folded in as every backend does."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    import torch

_WEIGHTED = ("conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "linear", "embedding")
_NORMS = ("batch_norm", "_native_batch_norm_legit_no_training")
_EMBEDDING = "embedding"


class GraphWeight(NamedTuple):
    """One weight with its bias, empty where there is none; `layer` is the parameter's name without its last part."""

    layer: str
    weight: np.ndarray
    bias: np.ndarray


def graph_weights(graph: Path) -> list[GraphWeight]:
    """Every stored weight once, in the order of the graph.

    Args:
        graph: an exported program of PyTorch, in floating point.
    """
    import torch

    module = torch.export.load(graph).module(check_guards=False)
    found: dict[tuple[Any, ...], GraphWeight] = {}
    for node in module.graph.nodes:
        if _has_weight(node):
            source: Any = node.args[_place(node)]
            norm = _norm_of(node)
            found.setdefault((source.target, norm and norm.args[3]), _read(module, node))
    return list(found.values())


def _read(module: torch.nn.Module, node: torch.fx.Node) -> GraphWeight:
    place = _place(node)
    source: Any = node.args[place]
    weight = _values(module, source).astype(np.float64)
    stored: Any = node.args[place + 1] if len(node.args) > place + 1 and place else None
    bias = _values(module, stored).astype(np.float64) if hasattr(stored, "target") else np.empty(0)
    norm = _norm_of(node)
    if norm is not None:
        weight, bias = _folded(module, norm, weight, bias, axis=1 if "transpose" in _name(node) else 0)
    return GraphWeight(str(source.target).rpartition(".")[0], weight, bias)


def _folded(
    module: torch.nn.Module, norm: torch.fx.Node, weight: np.ndarray, bias: np.ndarray, axis: int
) -> tuple[np.ndarray, np.ndarray]:
    """The norm's scale multiplied in along the output channels, and its shift."""
    gain, shift, mean, variance = (_values(module, one).astype(np.float64) for one in norm.args[1:5])
    epsilon: Any = norm.args[-2] if _name(norm) == "batch_norm" else norm.args[-1]
    factor = gain / np.sqrt(variance + float(epsilon))
    shape = [1] * weight.ndim
    shape[axis] = -1
    return weight * factor.reshape(shape), (bias if bias.size else np.zeros_like(mean)) * factor + shift - mean * factor


def _norm_of(node: torch.fx.Node) -> torch.fx.Node | None:
    """The batch norm that nothing else reads the result for."""
    reader = next(iter(node.users), None)
    return reader if reader is not None and len(node.users) == 1 and _name(reader) in _NORMS else None


def _has_weight(node: torch.fx.Node) -> bool:
    if node.op != "call_function" or _name(node) not in _WEIGHTED:
        return False
    source: Any = node.args[_place(node)]
    return getattr(source, "op", None) == "get_attr"


def _place(node: torch.fx.Node) -> int:
    """Of the weight among the arguments."""
    return 0 if _name(node) == _EMBEDDING else 1


def _values(module: torch.nn.Module, node: Any) -> np.ndarray:
    owner, _, name = str(node.target).rpartition(".")
    value: Any = getattr(module.get_submodule(owner), name)
    return np.asarray(value.detach().numpy())


def _name(node: torch.fx.Node) -> str:
    return str(node.target).removeprefix("aten.").split(".")[0]
