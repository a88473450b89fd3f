"""The operations of a census that run on the Edge TPU, as the layers that the estimate knows."""

from __future__ import annotations

import math
from collections.abc import Iterable

from edgebuild.check.accelerators.edge_tpu.mapping import Mapping
from edgebuild.check.census.model import Census, OperationRecord, TensorRecord
from edgebuild.check.wiring import STORED, Wiring
from edgebuild.estimate.edge_tpu.latency import CpuTail, Inference
from edgebuild.estimate.edge_tpu.layer import BIAS_BYTES, SCALE_BYTES, Kind, TpuLayer
from edgebuild.estimate.edge_tpu.memory import CachePlan
from edgebuild.estimate.edge_tpu.sharing import Pipeline, pipeline_of

_KINDS: dict[str, Kind] = {
    "CONV_2D": "convolution",
    "TRANSPOSE_CONV": "convolution",
    "DEPTHWISE_CONV_2D": "depthwise",
    "FULLY_CONNECTED": "fully_connected",
}
_ARITHMETIC = frozenset({"ADD", "SUB", "MUL", "MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE", "PRELU"})
_PARAMETERS = ("weight", "bias")
_CONVOLUTION_RANK = 4
_MOST_TPUS = 4
_OPTIONS = frozenset({"int32", "int64"})


def layers_of(operations: Iterable[OperationRecord], wiring: Wiring) -> tuple[TpuLayer, ...]:
    """One layer per operation, in order."""
    return tuple(_layer(operation, wiring) for operation in operations)


def work_of(operation: OperationRecord, wiring: Wiring) -> int:
    """Multiply-accumulates of one operation; 0 for one without a result."""
    return _layer(operation, wiring).macs if operation.outputs else 0


def inference_of(
    census: Census, mapping: Mapping, layers: tuple[TpuLayer, ...], plan: CachePlan, wiring: Wiring
) -> Inference:
    """One inference: what crosses the link to the compiled part and back, and what the CPU does besides."""
    inside = {operation.index for operation in mapping.mapped}
    mapped = [census.operations[index] for index in sorted(inside)]
    others = [operation for operation in census.operations if operation.index not in inside]
    made = {index for operation in mapped for index in operation.outputs}
    read_outside = {index for operation in others for index in operation.inputs}
    sent = {
        tensor.index: tensor
        for operation in mapped
        for tensor in wiring.computed_inputs(operation)
        if tensor.index not in made
    }
    back = [
        tensor
        for operation in mapped
        for tensor in wiring.outputs(operation)
        if tensor.role == "output" or tensor.index in read_outside
    ]
    tail = layers_of((operation for operation in others if operation.outputs), wiring)
    cpu = CpuTail(sum(layer.macs for layer in tail), sum(layer.output_bytes for layer in tail))
    return Inference(layers, plan, _bytes(sent.values()), _bytes(back), cpu)


def pipelines_of(
    census: Census, mapping: Mapping, layers: tuple[TpuLayer, ...], wiring: Wiring, link: str
) -> tuple[Pipeline, ...]:
    """The compiled part on 2, 3 and 4 Edge TPUs; no more of them than it has operations."""
    mapped = [census.operations[operation.index] for operation in mapping.mapped]
    inside = {operation.index for operation in mapped}
    outside = {index for one in census.operations if one.index not in inside for index in one.inputs}
    made = {index: place for place, one in enumerate(mapped) for index in one.outputs}
    read: dict[int, int] = {}
    for place, operation in enumerate(mapped):
        read |= {tensor.index: place for tensor in wiring.computed_inputs(operation)}
    last = {index: len(mapped) for index in made if index in outside or wiring.tensors[index].role == "output"}
    alive = {index: (made.get(index, -1), last.get(index, read.get(index, -1))) for index in {*made, *read}}

    def crossing(place: int) -> int:
        return _bytes(wiring.tensors[index] for index, (start, end) in alive.items() if start < place <= end)

    found: list[Pipeline] = []
    for count in range(2, min(_MOST_TPUS, len(layers)) + 1):
        found.append(pipeline_of(layers, count, crossing, link))
        if not found[-1].streamed:
            break
    return tuple(found)


def _layer(operation: OperationRecord, wiring: Wiring) -> TpuLayer:
    inputs, outputs = wiring.computed_inputs(operation), wiring.outputs(operation)
    weights = [tensor for tensor in wiring.inputs(operation) if tensor.role == "weight"]
    kind = _kind(operation, wiring, weights)
    weighs = kind in _KINDS.values()
    weight = weights[0].shape if weighs else ()
    taps = weight[1] * weight[2] if len(weight) == _CONVOLUTION_RANK else 1
    moved = inputs[0] if operation.name == "TRANSPOSE_CONV" and inputs else outputs[0]
    return TpuLayer(
        name=operation.layer or f"{operation.name} {operation.index}",
        kind=kind,
        positions=math.prod(moved.shape) // max(moved.shape[-1] if moved.shape else 1, 1),
        taps=taps,
        inputs=weight[-1] if weighs and kind != "depthwise" else 1,
        outputs=(weight[-1] if kind == "depthwise" else weight[0]) if weighs else 0,
        input_bytes=_bytes(inputs),
        output_bytes=_bytes(outputs),
        stored_bytes=sum(tensor.bytes for tensor in wiring.inputs(operation) if _is_parameter(tensor)),
        channel_bytes=_channel_bytes(operation, wiring, weights[0]) if weighs else 0,
    )


def _kind(operation: OperationRecord, wiring: Wiring, weights: list[TensorRecord]) -> Kind:
    kind = _KINDS.get(operation.name, "other")
    if kind != "other":
        rank = 2 if kind == "fully_connected" else _CONVOLUTION_RANK
        return kind if weights and len(weights[0].shape) == rank else "other"
    if operation.name in _ARITHMETIC and any(_is_parameter(tensor) for tensor in wiring.inputs(operation)):
        return "constants"
    return "other"


def _channel_bytes(operation: OperationRecord, wiring: Wiring, weight: TensorRecord) -> int:
    """A scale a channel comes with a bias, in a fully connected layer a bias with a scale a channel."""
    has_bias = any(tensor.role == "bias" for tensor in wiring.inputs(operation))
    if len(weight.scale) > 1 or (has_bias and operation.name == "FULLY_CONNECTED"):
        return BIAS_BYTES + SCALE_BYTES
    return BIAS_BYTES if has_bias else 0


def _is_parameter(tensor: TensorRecord) -> bool:
    """False for axes, shapes and paddings, which become part of the instructions."""
    return tensor.role in _PARAMETERS or (tensor.role in STORED and tensor.dtype not in _OPTIONS)


def _bytes(tensors: Iterable[TensorRecord]) -> int:
    return sum(math.prod(tensor.shape) for tensor in tensors)
