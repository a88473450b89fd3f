"""Bias correction: rounding the weights shifts the mean of a layer's result, which its bias takes back.

Measured on samples, layer after layer, each with the layers before it rounded and corrected already (Nagel et al.,
Data-Free Quantization Through Weight Equalization and Bias Correction, ICCV 2019, section 4.2 and appendix D).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebuild.errors import ConfigError, InternalError

if TYPE_CHECKING:
    import torch

    from edgebuild.model.fakequant.scheme import WeightUse

SAMPLES = 64
"""How many the means are taken over: all at once, so that no more fit a small memory."""


@dataclass(frozen=True)
class Corrected:
    """What was done: edits of folded batch norms, and layer -> sum of magnitudes of its bias afterwards.

    `unstored` are layers whose bias a format may put together with something else.
    """

    edits: tuple[dict[str, Any], ...]
    magnitudes: dict[str, float]
    unstored: tuple[str, ...]


def correct_bias(
    model: torch.nn.Module, samples: Mapping[str, np.ndarray], *, per_channel: bool, skipped: Collection[str] = ()
) -> Corrected:
    """Fold the batch norms of `model` and correct the biases of layers that have one, in place.

    Args:
        model: in eval mode.
        samples: input name -> [n, ...].
        per_channel: scales of convolutions; linear layers are taken as per tensor.
        skipped: layers that stay in floating point: they are neither rounded nor corrected.

    Raises:
        ConfigError: no layer has a bias, a batch norm cannot be folded, or the model takes no batches.
        InternalError: no bias is another one afterwards.
    """
    from edgebuild.model.fakequant.fold import fold_norms
    from edgebuild.model.fakequant.scheme import scheme_of
    from edgebuild.model.fakequant.trace import trace_batches

    edits = fold_norms(model, scheme_of(trace_batches(model, samples).graph))
    traced = trace_batches(model, samples)
    scheme = scheme_of(traced.graph)
    uses = Counter(use.weight for use in scheme.weights)
    rounded = [use for use in scheme.weights if use.layer not in skipped]
    corrected = {use.node: use for use in rounded if uses[use.weight] == 1 and _bias(model, use) is not None}
    if not corrected:
        msg = "quantize.correct_bias: no convolution or linear layer of the model has a bias, or a batch norm behind it"
        raise ConfigError(msg, remedy="leave correct_bias out for this model")
    before = {use.node: _bias(model, use).detach().clone() for use in corrected.values()}
    _run(model, traced, samples, {use.weight: use for use in rounded}, corrected, per_channel)
    if all(bool((_bias(model, use) == before[use.node]).all()) for use in corrected.values()):
        msg = "quantize: correct_bias changed no bias"
        raise InternalError(msg)
    sums = {use.layer: float(_bias(model, use).detach().abs().double().sum()) for use in corrected.values()}
    return Corrected(edits, sums, tuple(use.layer for use in corrected.values() if use.split or use.mergeable))


def _run(
    model: torch.nn.Module,
    traced: torch.fx.GraphModule,
    samples: Mapping[str, np.ndarray],
    weights: Mapping[str, WeightUse],
    corrected: Mapping[str, WeightUse],
    per_channel: bool,
) -> None:
    """Run the graph with exact weights, then with rounded ones, where each shift is taken back before it goes on."""
    import torch

    from edgebuild.model.fakequant.rounding import round_weight

    means: dict[str, torch.Tensor] = {}

    class Exact(torch.fx.Interpreter):
        def run_node(self, n: torch.fx.Node) -> Any:
            result = super().run_node(n)
            if n.name in corrected:
                means[n.name] = _means(result, corrected[n.name])
            return result

    class Rounded(torch.fx.Interpreter):
        def run_node(self, n: torch.fx.Node) -> Any:
            result = super().run_node(n)
            use = weights.get(str(n.target)) if n.op == "get_attr" else None
            if use is not None:
                return round_weight(result, use.axis if per_channel and use.kind == "convolution" else None)
            if n.name in corrected:
                shift = _means(result, corrected[n.name]) - means[n.name]
                _bias(model, corrected[n.name]).sub_(shift)
                result = result - _along_channels(shift, result, corrected[n.name])
            return result

    batch = [torch.from_numpy(np.array(array[:SAMPLES])) for array in samples.values()]
    with torch.no_grad():
        Exact(traced).run(*batch)
        Rounded(traced).run(*batch)


def _bias(model: torch.nn.Module, use: WeightUse) -> Any:
    """The layer's bias; None where it has none."""
    return getattr(model.get_submodule(use.layer), "bias", None) if use.weight.endswith(".weight") else None


def _channel(values: torch.Tensor, use: WeightUse) -> int:
    return values.dim() - 1 if use.kind == "linear" else 1


def _means(values: torch.Tensor, use: WeightUse) -> torch.Tensor:
    channel = _channel(values, use)
    return values.mean([dim for dim in range(values.dim()) if dim != channel])


def _along_channels(vector: torch.Tensor, values: torch.Tensor, use: WeightUse) -> torch.Tensor:
    shape = [1] * values.dim()
    shape[_channel(values, use)] = -1
    return vector.reshape(shape)
