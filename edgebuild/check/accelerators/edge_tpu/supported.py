"""What the Edge TPU compiler maps to the Edge TPU: operation -> what it demands of it.

Source: Coral, "TensorFlow models on the Edge TPU": the model requirements and the table of supported operations with
their known limitations, for runtime 14, which compiler 16 writes for (coral.ai/docs/edgetpu/models-intro).
"""

from __future__ import annotations

from collections.abc import Mapping

from edgebuild.check.accelerators.compiled import EDGE_TPU
from edgebuild.check.accelerators.edge_tpu import conditions as demand
from edgebuild.check.accelerators.edge_tpu.conditions import Condition
from edgebuild.check.census.model import OperationRecord
from edgebuild.check.wiring import Wiring

_SAME_DILATION = (demand.constant_weights, demand.same_dilation)
_REDUCTION = (demand.constant_axes, demand.no_batch_axis)

SUPPORTED: Mapping[str, tuple[Condition, ...]] = {
    "ADD": (),
    "AVERAGE_POOL_2D": (demand.no_fused_activation,),
    "CONCATENATION": (demand.no_fused_activation, demand.concatenates_few_constants),
    "CONV_2D": _SAME_DILATION,
    "DEPTHWISE_CONV_2D": _SAME_DILATION,
    "EXPAND_DIMS": (),
    "FULLY_CONNECTED": (
        demand.constant_weights,
        demand.one_scale_of_weights,
        demand.default_weights_format,
        demand.one_dimensional_output,
    ),
    "L2_NORMALIZATION": (),
    "LOGISTIC": (),
    "LSTM": (),
    "MAXIMUM": (),
    "MAX_POOL_2D": (demand.no_fused_activation,),
    "MEAN": (*_REDUCTION, demand.depth_of_four),
    "MINIMUM": (),
    "MUL": (),
    "PACK": (demand.no_batch_option,),
    "PAD": (demand.no_batch_padding,),
    "PRELU": (demand.one_dimensional_alpha,),
    "QUANTIZE": (),
    "REDUCE_MAX": _REDUCTION,
    "REDUCE_MIN": _REDUCTION,
    "RELU": (),
    "RELU6": (),
    "RELU_N1_TO_1": (),
    "RESHAPE": (),
    "RESIZE_BILINEAR": (),
    "RESIZE_NEAREST_NEIGHBOR": (),
    "RSQRT": (),
    "SLICE": (),
    "SOFTMAX": (demand.softmax_of_one_dimension,),
    "SPACE_TO_DEPTH": (),
    "SPLIT": (demand.no_batch_split,),
    "SQUARED_DIFFERENCE": (),
    "SQUEEZE": (),
    "STRIDED_SLICE": (demand.unit_strides,),
    "SUB": (),
    "SUM": _REDUCTION,
    "TANH": (),
    "TRANSPOSE": (),
    "TRANSPOSE_CONV": (demand.constant_weights,),
    "UNIDIRECTIONAL_SEQUENCE_LSTM": (),
}
"""Builtin operations of compiler version 16. Every one of them also has to meet `conditions.EVERY`."""

NOT_SUPPORTED = "is not among the supported operations"
ALREADY_COMPILED = "is what the compiler makes of a model: this file is compiled already"


def reason_against(operation: OperationRecord, wiring: Wiring) -> str | None:
    """Why the operation cannot run on the Edge TPU; None where nothing in the file speaks against it."""
    if operation.name == EDGE_TPU:
        return ALREADY_COMPILED
    if operation.name not in SUPPORTED:
        return NOT_SUPPORTED
    for condition in (*demand.EVERY, *SUPPORTED[operation.name]):
        reason = condition(operation, wiring)
        if reason is not None:
            return reason
    return None
