"""Arm's quantizer for an Ethos-U: ranges and weights as a plan decided them, layers that stay float left alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from edgebuild.check.accelerators.ethos_u.configurations import Configuration
from edgebuild.export.executorch.ethos_u_lower import compile_spec
from edgebuild.export.executorch.quantizers import FINEST_STEP, QuantizerOf, Wanted

if TYPE_CHECKING:
    import torch

_FLOAT = "edgebuild_float"
"""In the metadata of a node, which the quantizer's own passes keep."""


def quantizer_for(configuration: Configuration) -> QuantizerOf:
    """What makes Arm's quantizer for this accelerator."""

    def make(wanted: Wanted) -> Any:
        from executorch.backends.arm.quantizer import EthosUQuantizer

        quantizer = EthosUQuantizer(compile_spec(configuration)).set_global(_numbers(wanted))
        for node in _with_outputs(wanted.floats):
            node.meta["custom"] = {**node.meta.get("custom", {}), _FLOAT: True}
        if wanted.floats:
            quantizer.set_node_finder(None, _float_finder())
        return quantizer

    return make


def _with_outputs(floats: frozenset[torch.fx.Node]) -> frozenset[torch.fx.Node]:
    """And the graph's output, where one of them is returned: Arm's quantizer would round what is."""
    return floats | {user for node in floats for user in node.users if user.op == "output"}


def _numbers(wanted: Wanted) -> Any:
    """Arm's configuration; with steps that are decided, observers that take what they are given."""
    import torch
    from executorch.backends.arm.quantizer import get_symmetric_quantization_config
    from executorch.backends.arm.quantizer.quantization_config import TOSAQuantizationConfig
    from torchao.quantization.pt2e import MinMaxObserver, PerChannelMinMaxObserver

    whole = get_symmetric_quantization_config(is_per_channel=wanted.per_channel)
    if not wanted.decided:
        return whole
    linear = get_symmetric_quantization_config(is_per_channel=wanted.linear_per_channel).weight
    activation = replace(whole.input_activation, observer_or_fake_quant_ctr=MinMaxObserver.with_args(eps=FINEST_STEP))

    def exact(weight: Any) -> Any:
        per_channel = weight.qscheme == torch.per_channel_symmetric
        observer = PerChannelMinMaxObserver if per_channel else MinMaxObserver
        return replace(weight, observer_or_fake_quant_ctr=observer.with_args(eps=FINEST_STEP))

    def config(weight: Any) -> Any:
        return TOSAQuantizationConfig(activation, activation, exact(weight), whole.bias, whole.label)

    of_linear = config(linear)

    class Decided(TOSAQuantizationConfig):  # type: ignore[misc]
        """One scale per tensor for linear layers, where they were trained so."""

        def get_weight_qspec(self, node: Any = None) -> Any:
            return of_linear.weight if _is_linear(node) else super().get_weight_qspec(node)

        def get_bias_qspec(self, node: Any = None) -> Any:
            return of_linear.get_bias_qspec(node) if _is_linear(node) else super().get_bias_qspec(node)

    return Decided(activation, activation, exact(whole.weight), whole.bias, whole.label)


def _is_linear(node: torch.fx.Node | None) -> bool:
    import torch

    return node is not None and node.target == torch.ops.aten.linear.default


def _float_finder() -> Any:
    """Finds, for Arm's quantizer, what computes in floating point; it writes the graph anew before it looks."""
    from executorch.backends.arm.quantizer.arm_quantizer_utils import NodeFinder

    class FloatFinder(NodeFinder):  # type: ignore[misc]
        def find_nodes(self, model: torch.fx.GraphModule) -> Iterator[torch.fx.Node]:
            return (node for node in model.graph.nodes if node.meta.get("custom", {}).get(_FLOAT))

        def __repr__(self) -> str:
            return "what stays in floating point"

    return FloatFinder()
