"""The quantizers of the XNNPACK backend, as the two int8 dtypes need them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from edgebuild.export.executorch.layers import is_part, layer_of
from edgebuild.model.fakequant.floating import float_nodes

if TYPE_CHECKING:
    import torch

_FINEST_STEP = 2.0**-40


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
            whole.input_activation, observer_or_fake_quant_ctr=MinMaxObserver.with_args(eps=_FINEST_STEP)
        )
        return replace(
            whole,
            input_activation=activation,
            output_activation=activation,
            weight=replace(whole.weight, observer_or_fake_quant_ctr=of_weights.with_args(eps=_FINEST_STEP)),
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


def pass_by(quantizer: Any, graph: torch.fx.GraphModule, float_layers: Collection[str], done: Collection[str]) -> None:
    """Let the quantizer leave what computes in floating point because `float_layers` do, and all that is of `done`."""
    from torchao.quantization.pt2e.quantizer.quantizer import Q_ANNOTATION_KEY

    floats = float_nodes(graph.graph, float_layers)
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
