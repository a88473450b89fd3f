"""The layers of a model that can be replaced by factors, what they compute, and why others cannot."""

from __future__ import annotations

import copy
import math
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgebuild.model.edits.factorize import replace_module

if TYPE_CHECKING:
    import numpy as np
    import torch


@dataclass(frozen=True)
class Layer:
    """A linear layer or a convolution of one group.

    Attributes:
        name: dotted.
        arguments: those of its class, and the class's name as `type`: what `edgebuild.model.edits.factorize` takes.
        weight: float64, [outputs, inputs, *kernel].
        calls: for every call, its batch and the sizes of its input's positions: (n, h, w); (n,) of a linear layer.
    """

    name: str
    arguments: Mapping[str, Any]
    weight: np.ndarray
    calls: tuple[tuple[int, ...], ...]

    @property
    def is_linear(self) -> bool:
        """Whether it is a matrix product."""
        return str(self.arguments["type"]) == "Linear"

    @property
    def outputs(self) -> int:
        """Number of output channels or features."""
        return int(self.weight.shape[0])

    @property
    def inputs(self) -> int:
        """Number of input channels or features."""
        return int(self.weight.shape[1])

    @property
    def kernel(self) -> tuple[int, ...]:
        """Size of the kernel in every direction; empty for a linear layer."""
        return tuple(self.weight.shape[2:])

    @property
    def is_pointwise(self) -> bool:
        """Whether every output position depends on one input position only."""
        return math.prod(self.kernel) == 1


@dataclass(frozen=True)
class LeftAlone:
    """A layer that stays whole, and why."""

    layer: str
    reason: str


_OTHERS = [
    "ConvTranspose1d",
    "ConvTranspose2d",
    "ConvTranspose3d",
    "Conv3d",
    "Bilinear",
    "LSTM",
    "GRU",
    "RNN",
    "MultiheadAttention",
]
"""Layers with large weights that no method here factorizes; the record says so."""


def find_layers(
    model: torch.nn.Module,
    sample: tuple[torch.Tensor, ...],
    skipped: Collection[str] = (),
    factors: Collection[str] = (),
) -> tuple[list[Layer], list[LeftAlone]]:
    """The layers of `model` that can be replaced, and those that cannot, both in the model's order.

    Args:
        model: in eval mode; it is left as it is.
        sample: its inputs, a batch of one.
        skipped: dotted names of layers that stay whole.
        factors: dotted names of layers that an earlier step replaced.
    """
    calls = _calls(model, sample)
    shared = _shared_weights(model)
    found: list[Layer] = []
    alone: list[LeftAlone] = []
    for name, module in model.named_modules():
        reason = _why_not(model, name, module, shared, skipped, factors)
        if reason is None and _is_candidate(module):
            reason = _why_not_replaced(model, name, sample, called=name in calls)
        if reason is not None:
            alone.append(LeftAlone(name, reason))
        elif _is_candidate(module):
            found.append(Layer(name, _arguments(module), _numbers(module), tuple(calls[name])))
    return found, alone


def _is_candidate(module: torch.nn.Module) -> bool:
    from torch import nn

    return isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d)


def _why_not(
    model: torch.nn.Module,
    name: str,
    module: torch.nn.Module,
    shared: Collection[int],
    skipped: Collection[str],
    factors: Collection[str],
) -> str | None:
    """What can be told without running the model; None too for modules that nobody would expect to be factorized."""
    from torch import nn
    from torch.nn.utils import parametrize

    kind = type(module).__name__
    if kind in _OTHERS and isinstance(module, getattr(nn, kind)):
        return f"a {kind} is not factorized"
    if not _is_candidate(module):
        return None
    base = next(one for one in (nn.Linear, nn.Conv1d, nn.Conv2d) if isinstance(module, one))
    if name in skipped:
        return "skip"
    if any(name.startswith(f"{whole}.") for whole in factors):
        return "a factor of an earlier step"
    if any(isinstance(around, nn.MultiheadAttention) for around in _around(model, name)):
        return "nn.MultiheadAttention reads its weight without calling it"
    if parametrize.is_parametrized(module) or "weight" not in module._parameters or module._forward_pre_hooks:
        return "its weight is computed, not stored"
    if type(module).forward is not base.forward or getattr(type(module), "_conv_forward", None) is not getattr(
        base, "_conv_forward", None
    ):
        return f"a {kind} has a forward of its own"
    if id(module.weight) in shared:
        return "its weight is shared with another layer"
    if not all(parameter.isfinite().all() for parameter in module.parameters(recurse=False)):
        return "its weight or bias has NaN or infinite values"
    groups = getattr(module, "groups", 1)
    if groups > 1:
        depthwise = groups == module.in_channels
        return "a depthwise convolution has nothing to share" if depthwise else f"it has {groups} groups"
    return None


def _around(model: torch.nn.Module, name: str) -> Iterator[torch.nn.Module]:
    parts = name.split(".")
    return (model.get_submodule(".".join(parts[:depth])) for depth in range(len(parts)))


def _shared_weights(model: torch.nn.Module) -> set[int]:
    """Ids of the parameters that two modules hold."""
    counts = Counter(id(parameter) for module in model.modules() for parameter in module.parameters(recurse=False))
    return {identity for identity, count in counts.items() if count > 1}


def _why_not_replaced(
    model: torch.nn.Module, name: str, sample: tuple[torch.Tensor, ...], *, called: bool
) -> str | None:
    """Put the layer itself, in an `nn.Sequential`, in its own place: None where the model computes the same."""
    import torch

    if not called:
        return "the model does not call it"
    wrapped = copy.deepcopy(model)
    inner = wrapped.get_submodule(name)
    with torch.no_grad():
        expected = model(*sample)
        try:
            replace_module(wrapped, inner, torch.nn.Sequential(inner))
            found = wrapped(*sample)
        except Exception as error:  # noqa: BLE001  the user's forward may need the layer itself in any way
            first = str(error).strip().partition("\n")[0]
            return f"the model's code needs the layer itself: {type(error).__name__}: {first}"
    same = all(torch.allclose(one, other, rtol=1e-3, atol=1e-5) for one, other in _pairs(expected, found))
    return None if same else "the model computes something else with a sequence in its place"


def _pairs(one: Any, other: Any) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    lists = [list(out.values()) if isinstance(out, Mapping) else out for out in (one, other)]
    first, second = ([out] if not isinstance(out, (list, tuple)) else out for out in lists)
    return zip(first, second, strict=True)


def _calls(model: torch.nn.Module, sample: tuple[torch.Tensor, ...]) -> dict[str, list[tuple[int, ...]]]:
    """Dotted name -> sizes of the input's positions at every call."""
    import torch

    calls: dict[str, list[tuple[int, ...]]] = {}
    names = {module: name for name, module in model.named_modules() if _is_candidate(module)}

    def record(module: Any, inputs: Sequence[Any], _output: Any) -> None:
        shape = tuple(inputs[0].shape)
        spatial = 0 if isinstance(module, torch.nn.Linear) else module.weight.ndim - 2
        before = shape[: len(shape) - spatial - 1]
        calls.setdefault(names[module], []).append((math.prod(before), *shape[len(shape) - spatial :]))

    handles = [module.register_forward_hook(record) for module in names]
    try:
        with torch.no_grad():
            model(*sample)
    finally:
        for handle in handles:
            handle.remove()
    return calls


def _numbers(module: Any) -> np.ndarray:
    weight: np.ndarray = module.weight.detach().double().numpy()
    return weight


def _arguments(module: Any) -> dict[str, Any]:
    """The arguments that make such a layer, as JSON values."""
    bias = module.bias is not None
    if not hasattr(module, "kernel_size"):
        return {
            "type": "Linear",
            "in_features": module.in_features,
            "out_features": module.out_features,
            "bias": bias,
        }
    padding = module.padding
    return {
        "type": f"Conv{len(module.kernel_size)}d",
        "in_channels": module.in_channels,
        "out_channels": module.out_channels,
        "kernel_size": list(module.kernel_size),
        "stride": list(module.stride),
        "padding": padding if isinstance(padding, str) else list(padding),
        "dilation": list(module.dilation),
        "padding_mode": module.padding_mode,
        "bias": bias,
    }
