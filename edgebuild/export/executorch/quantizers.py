"""What a backend's quantizer is asked for, and the quantizers of XNNPACK, as the two int8 dtypes need them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from edgebuild.export.executorch.layers import is_part, layer_of

if TYPE_CHECKING:
    import torch

FINEST_STEP = 2.0**-40
"""Steps that were decided are taken as they are, however fine."""


@dataclass(frozen=True)
class Wanted:
    """What a quantizer for static int8 is asked for.

    Attributes:
        per_channel, linear_per_channel: one scale per output channel of a weight; of linear layers.
        decided: weights lie on their steps, and the ranges of activations are set afterwards.
        floats: nodes of the graph that compute in floating point, because the weights of some layers stay so.
    """

    per_channel: bool
    linear_per_channel: bool
    decided: bool
    floats: frozenset[torch.fx.Node]


QuantizerOf = Callable[[Wanted], Any]
"""What makes the quantizer of a backend; it leaves alone what computes in floating point."""


def static_quantizer(per_channel: bool) -> Any:
    """Weights and activations int8, ranges of activations from calibration.

    Batch norms are folded before a graph is annotated, so the patterns that look for them (and take seconds to trace)
    are left to quantization-aware training.
    """
    from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (
        XNNPACKQuantizer,
        get_symmetric_quantization_config,
    )

    class StaticQuantizer(XNNPACKQuantizer):  # type: ignore[misc]
        SUPPORTED_PATTERNS: ClassVar = [
            pattern for pattern in XNNPACKQuantizer.SUPPORTED_PATTERNS if not pattern.is_qat
        ]

    return StaticQuantizer().set_global(get_symmetric_quantization_config(is_per_channel=per_channel))


def trained_quantizer(per_channel: bool, linear_per_channel: bool) -> Any:
    """As `static_quantizer`, for weights that lie on their steps and activations whose ranges are set afterwards.

    The steps are taken as they are, however fine; those of the backend's own configuration are at least 2^-12.
    """
    import torch
    from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import get_symmetric_quantization_config
    from torchao.quantization.pt2e import MinMaxObserver, PerChannelMinMaxObserver

    def config(channels: bool) -> Any:
        whole = get_symmetric_quantization_config(is_per_channel=channels)
        of_weights = PerChannelMinMaxObserver if channels else MinMaxObserver
        activation = replace(
            whole.input_activation, observer_or_fake_quant_ctr=MinMaxObserver.with_args(eps=FINEST_STEP)
        )
        return replace(
            whole,
            input_activation=activation,
            output_activation=activation,
            weight=replace(whole.weight, observer_or_fake_quant_ctr=of_weights.with_args(eps=FINEST_STEP)),
        )

    quantizer = static_quantizer(per_channel).set_global(config(per_channel))
    return quantizer.set_operator_type(torch.ops.aten.linear.default, config(linear_per_channel))


def dynamic_quantizer(per_channel: bool) -> Any:
    """Weights int8, activations quantized at run time: Linear and Conv2d; XNNPACK has no such kernel for depthwise.

    The backend's quantizer leaves a convolution float if an activation function follows it; this one does not.
    """
    from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (
        XNNPACKQuantizer,
        get_symmetric_quantization_config,
    )

    config = get_symmetric_quantization_config(is_per_channel=per_channel, is_dynamic=True)

    class DynamicQuantizer(XNNPACKQuantizer):  # type: ignore[misc]
        def annotate(self, model: torch.fx.GraphModule) -> torch.fx.GraphModule:
            annotated: torch.fx.GraphModule = super().annotate(model)
            for node in annotated.graph.nodes:
                if self.filter_fn is None or self.filter_fn(node):
                    _annotate_followed(node, config)
            return annotated

    return DynamicQuantizer().set_global(config)


def pass_by(quantizer: Any, floats: Collection[torch.fx.Node], done: Collection[str]) -> None:
    """Let the quantizer leave the nodes that compute in floating point, and all that is of the layers `done`."""
    from torchao.quantization.pt2e.quantizer.quantizer import Q_ANNOTATION_KEY

    annotate = quantizer.annotate

    def is_quantized(node: torch.fx.Node) -> bool:
        name = layer_of(node)
        return node not in floats and (name is None or not any(is_part(name, layer) for layer in done))

    def annotate_others(model: torch.fx.GraphModule) -> torch.fx.GraphModule:
        annotated: torch.fx.GraphModule = annotate(model)
        for node in floats:  # concatenations are annotated without a look at the filter
            node.meta.pop(Q_ANNOTATION_KEY, None)
        return annotated

    if floats or done:
        quantizer.set_filter_function(is_quantized)
        quantizer.annotate = annotate_others


def _annotate_followed(node: torch.fx.Node, config: Any) -> None:
    """Annotate a convolution before an activation as the backend's quantizer annotates any other."""
    import torch
    from executorch.backends.xnnpack.quantizer.xnnpack_quantizer_utils import get_input_act_qspec, get_weight_qspec
    from torchao.quantization.pt2e.quantizer import QuantizationAnnotation
    from torchao.quantization.pt2e.quantizer.quantizer import Q_ANNOTATION_KEY

    if node.target != torch.ops.aten.conv2d.default or Q_ANNOTATION_KEY in node.meta:
        return
    image, weight = node.args[0], node.args[1]
    if not isinstance(image, torch.fx.Node) or not isinstance(weight, torch.fx.Node):
        return
    if weight.meta["val"].shape[1] == 1:  # depthwise
        return
    specs = {image: get_input_act_qspec(config), weight: get_weight_qspec(config)}
    node.meta[Q_ANNOTATION_KEY] = QuantizationAnnotation(input_qspec_map=specs, _annotated=True)
