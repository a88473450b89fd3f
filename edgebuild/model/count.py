"""How big a model is: parameters, bytes of weights and multiply-accumulates, layer by layer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from edgebuild.figure import Figure

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class LayerCount:
    """One layer: its own parameters and the MACs of its own operations, for one sample.

    Attributes:
        layer: dotted name; empty for what the model does outside its layers.
        kind: class of the module.
        parameters: numbers in its own parameters; a tied tensor counts where it first occurs.
        bytes: of its own parameters and buffers, as stored.
        macs: multiply-accumulates of convolutions, matrix products and attention; other operations count none.
        output_shape: of one sample with the batch dimension; empty where it gave no single tensor.
    """

    layer: str
    kind: str
    parameters: int
    bytes: int
    macs: int
    output_shape: tuple[int, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Counts:
    """The layers of a model in the order of their first use, and the totals."""

    layers: tuple[LayerCount, ...]

    @property
    def parameters(self) -> int:
        """Numbers in all parameters."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def bytes(self) -> int:
        """Bytes of all parameters and buffers."""
        return sum(layer.bytes for layer in self.layers)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference."""
        return sum(layer.macs for layer in self.layers)

    def figures(self) -> tuple[Figure, Figure, Figure]:
        """`parameters`, `weight_bytes` and `macs` as exact figures."""
        source = "PyTorch model, one sample"
        return (
            Figure("parameters", self.parameters, "1", "exact", provenance=source),
            Figure("weight_bytes", self.bytes, "B", "exact", provenance=source),
            Figure("macs", self.macs, "MAC", "exact", provenance=source),
        )

    def to_json(self) -> dict[str, Any]:
        """Return totals and layers as plain JSON values."""
        totals = {"parameters": self.parameters, "bytes": self.bytes, "macs": self.macs}
        return {**totals, "layers": [layer.to_json() for layer in self.layers]}


def count_model(model: torch.nn.Module, sample: tuple[torch.Tensor, ...]) -> Counts:
    """Run the model once on `sample` (batch of one) and count.

    MACs are half the FLOPs that PyTorch's own flop counter finds in every operation, attributed to the layer that ran
    it; recurrent layers, some of which are opaque to that counter, are counted from their sizes. The operations of an
    exported program belong to the model as a whole.
    """
    names = {module: name for name, module in model.named_modules()}
    shapes: dict[str, tuple[int, ...]] = {}
    recurrent: dict[str, int] = {}

    def record(module: torch.nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        name = names[module]
        shapes.setdefault(name, tuple(output.shape) if hasattr(output, "shape") else ())
        recurrent[name] = recurrent.get(name, 0) + _recurrent_macs(module, inputs)

    handles = [module.register_forward_hook(record) for module in names]
    try:
        flops = _flops(model, sample, names)
    finally:
        for handle in handles:
            handle.remove()
    # A layer finishes before the one it is in: the order of the hooks puts a model's own row last.
    order = [*(name for name in shapes if name), *(name for name in names.values() if name not in shapes), ""]
    # The counter sees the products inside some recurrent layers and not inside others: their sizes decide for all.
    macs = {name: recurrent.get(name) or flops.get(name, 0) // 2 for name in order}
    return Counts(_rows(model, dict.fromkeys(order), shapes, macs))


def _flops(
    model: torch.nn.Module, sample: tuple[torch.Tensor, ...], names: Mapping[torch.nn.Module, str]
) -> dict[str, int]:
    """Layer -> FLOPs of its own operations, in all of its calls; under one name where it has several."""
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    fast = torch.backends.mha.get_fastpath_enabled()
    counter = FlopCounterMode(display=False)
    own = dict.fromkeys(names.values(), 0)
    running: list[list[int]] = []  # per layer that is being run: count at its start, count of the layers inside

    def start(_module: torch.nn.Module, _inputs: Any) -> None:
        running.append([counter.get_total_flops(), 0])

    def end(module: torch.nn.Module, _inputs: Any, _output: Any) -> None:
        before, inside = running.pop()
        all_of_it = counter.get_total_flops() - before
        own[names[module]] += all_of_it - inside
        if running:
            running[-1][1] += all_of_it

    handles = [module.register_forward_pre_hook(start) for module in names]
    handles += [module.register_forward_hook(end) for module in names]
    # Fused attention is one operation the counter does not know; unfused it is the matrix products it stands for.
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with torch.no_grad(), sdpa_kernel(SDPBackend.MATH), counter:
            model(*sample)
    finally:
        torch.backends.mha.set_fastpath_enabled(fast)
        for handle in handles:
            handle.remove()
    return own


def _recurrent_macs(module: torch.nn.Module, inputs: tuple[Any, ...]) -> int:
    """MACs of an LSTM, GRU or RNN: per step and layer, gates x hidden x (input + hidden), and the projection."""
    import torch

    if not isinstance(module, torch.nn.RNNBase):
        return 0
    steps = inputs[0].numel() // module.input_size
    weights = sum(weight.numel() for name, weight in module.named_parameters() if name.startswith("weight"))
    return int(steps * weights)


def _rows(
    model: torch.nn.Module,
    order: Iterable[str],
    shapes: Mapping[str, tuple[int, ...]],
    macs: Mapping[str, int],
) -> tuple[LayerCount, ...]:
    seen: set[int] = set()
    rows = []
    for name in order:
        module = model.get_submodule(name)
        parameters = [tensor for tensor in module.parameters(recurse=False) if id(tensor) not in seen]
        buffers = [tensor for tensor in module.buffers(recurse=False) if id(tensor) not in seen]
        seen.update(id(tensor) for tensor in (*parameters, *buffers))
        size = sum(tensor.numel() * tensor.element_size() for tensor in (*parameters, *buffers))
        count = sum(tensor.numel() for tensor in parameters)
        if count or size or macs[name]:
            rows.append(LayerCount(name, type(module).__name__, count, size, macs[name], shapes.get(name, ())))
    return tuple(rows)
