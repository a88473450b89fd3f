"""Cross-layer equalization: channels of uneven size are scaled to even ones, and back in the layer that reads them.

ReLU, pooling and averages commute with a positive factor per channel, so the model computes the same; but one scale per
tensor, or that of an activation, then fits all channels (Nagel et al., Data-Free Quantization Through Weight
Equalization and Bias Correction, ICCV 2019, section 4.1).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebuild.errors import ConfigError, InternalError
from edgebuild.model.fakequant.operations import CONVOLUTIONS, LINEAR, POOLS, operation

if TYPE_CHECKING:
    import torch

    from edgebuild.model.fakequant.scheme import Scheme, WeightUse

_SWEEPS = 20
_SAME = 1e-3
"""Largest difference of outputs, as a share of the largest output: other rounding, nothing else."""
_EVEN = 1 + 1e-3
"""How far apart the ranges of a channel may be to count as even."""
_PASSED = POOLS | {"relu", "dropout", "max_pool1d", "max_pool2d", "max_pool3d"}


@dataclass(frozen=True)
class Pair:
    """Two layers of which the second alone reads the first; `depthwise`: channel by channel."""

    first: str
    second: str
    depthwise: bool


@dataclass(frozen=True)
class Equalized:
    """What was done: edits of folded batch norms, pairs, and layer -> largest magnitude of its weight afterwards."""

    edits: tuple[dict[str, Any], ...]
    pairs: tuple[Pair, ...]
    largest: dict[str, float]


def equalize(model: torch.nn.Module, samples: Mapping[str, np.ndarray], project_root: Path) -> Equalized:
    """Fold the batch norms of `model` and equalize its pairs of layers, in place.

    Args:
        model: in eval mode.
        samples: input name -> [n, ...], to trace the model and to see that it computes the same.
        project_root: for messages.

    Raises:
        ConfigError: no layer is alone in reading another one, or a batch norm cannot be folded.
        InternalError: the model computes something else afterwards, or its channels are as uneven as before.
    """
    from edgebuild.model.exportable import check_exportable, example_tensors
    from edgebuild.model.fakequant.fold import fold_norms
    from edgebuild.model.fakequant.scheme import scheme_of

    traced = check_exportable(model, samples, project_root).module()
    scheme = scheme_of(traced.graph)
    pairs = _pairs(traced.graph, scheme)
    if not pairs:
        msg = (
            "quantize.equalize: the model has no two layers of which one alone reads the other, through ReLU or pooling"
        )
        raise ConfigError(msg, remedy="leave equalize out for this model")
    before = _outputs(model, example_tensors(samples, 8))
    edits = fold_norms(model, scheme)
    uneven = max(_unevenness(model, pair) for pair in pairs)
    for _ in range(_SWEEPS):
        for pair in pairs:
            _even_out(model, pair)
    left = max(_unevenness(model, pair) for pair in pairs)
    if left >= uneven > _EVEN:
        msg = f"quantize: equalize left ranges of channels {left:.3g} times apart, {uneven:.3g} before"
        raise InternalError(msg)
    for one, other in zip(before, _outputs(model, example_tensors(samples, 8)), strict=True):
        if float((one - other).abs().max()) > _SAME * float(one.abs().max()):
            msg = f"equalize: the outputs changed by {float((one - other).abs().max()):.3g}"
            raise InternalError(msg)
    layers = dict.fromkeys(layer for pair in pairs for layer in (pair.first, pair.second))
    largest = {layer: float(model.get_parameter(f"{layer}.weight").detach().abs().max()) for layer in layers}
    return Equalized(edits, pairs, largest)


def _outputs(model: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> list[torch.Tensor]:
    import torch

    from edgebuild.model.evaluate import named_outputs

    with torch.no_grad():
        return list(named_outputs(model(*inputs)).values())


def _pairs(graph: torch.fx.Graph, scheme: Scheme) -> tuple[Pair, ...]:
    nodes = {node.name: node for node in graph.nodes}
    uses = Counter(use.weight for use in scheme.weights)
    alone = {use.node: use for use in scheme.weights if uses[use.weight] == 1 and use.weight.endswith(".weight")}
    found = []
    for use in alone.values():
        if operation(nodes[use.node]) not in CONVOLUTIONS | {LINEAR}:
            continue
        reader = _only_reader(nodes[use.norm or use.node])
        second = alone.get(reader.name) if reader is not None else None
        if reader is not None and second is not None:
            pair = _pair_of(use, second, nodes[use.node], reader)
            if pair is not None:
                found.append(pair)
    return tuple(found)


def _only_reader(node: torch.fx.Node) -> torch.fx.Node | None:
    """The operation with a weight that alone reads `node`, through what commutes with a factor per channel."""
    while len(node.users) == 1:
        node = next(iter(node.users))
        name = operation(node)
        if name in CONVOLUTIONS or name == LINEAR:
            return node
        spreads = name in ("flatten", "reshape", "view", "squeeze") and not _is_pooled(node.args[0])
        if name not in _PASSED and (spreads or name not in ("flatten", "reshape", "view", "squeeze")):
            return None
        if name == "mean" and node.meta["val"].shape[:2] != node.args[0].meta["val"].shape[:2]:  # type: ignore[union-attr]
            return None
    return None


def _is_pooled(node: Any) -> bool:
    """One number per channel, so that flattening keeps the channels."""
    return int(np.prod(node.meta["val"].shape[2:], dtype=np.int64)) == 1


def _pair_of(first: WeightUse, second: WeightUse, made: torch.fx.Node, reader: torch.fx.Node) -> Pair | None:
    channels = int(made.args[1].meta["val"].shape[0])  # type: ignore[union-attr]
    shape = reader.args[1].meta["val"].shape  # type: ignore[union-attr]
    if operation(made) == LINEAR and len(made.meta["val"].shape) != 2:
        return None
    if shape[1] == channels:
        return Pair(first.layer, second.layer, depthwise=False)
    if shape[0] == channels and shape[1] == 1:
        return Pair(first.layer, second.layer, depthwise=True)
    return None


def _even_out(model: torch.nn.Module, pair: Pair) -> None:
    """Divide by s and multiply by s, with s = sqrt(r1 / r2): both ranges become sqrt(r1 r2), their equation 11."""
    import torch

    first: Any = model.get_submodule(pair.first)
    second: Any = model.get_submodule(pair.second)
    with torch.no_grad():
        own, other = _ranges(model, pair)
        factor = torch.where((own > 0) & (other > 0), torch.sqrt(own / other.clamp_min(1e-30)), torch.ones_like(own))
        first.weight.div_(factor.reshape(-1, *[1] * (first.weight.dim() - 1)))
        if first.bias is not None:
            first.bias.div_(factor)
        axis = 0 if pair.depthwise else 1
        shape = [1] * second.weight.dim()
        shape[axis] = -1
        second.weight.mul_(factor.reshape(shape))


def _ranges(model: torch.nn.Module, pair: Pair) -> tuple[torch.Tensor, torch.Tensor]:
    """Largest magnitude of every channel between the layers [channels], in the first one's weight and the second's."""
    first: Any = model.get_submodule(pair.first)
    second: Any = model.get_submodule(pair.second)
    read = second.weight if pair.depthwise else second.weight.transpose(0, 1)
    return first.weight.detach().abs().flatten(1).amax(1), read.detach().abs().flatten(1).amax(1)


def _unevenness(model: torch.nn.Module, pair: Pair) -> float:
    """How many times larger one of a channel's two ranges is than the other, of the channel where that is most."""
    own, other = _ranges(model, pair)
    used = (own > 0) & (other > 0)
    ratio = (own[used] / other[used]).log().abs()
    return float(ratio.max().exp()) if ratio.numel() else 1.0
