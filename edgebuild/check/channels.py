"""Where a stored weight keeps its output channels."""

from __future__ import annotations

from edgebuild.check.census.model import OperationRecord, TensorRecord

_DEPTHWISE = frozenset({"DEPTHWISE_CONV_2D", "DEPTHWISE_CONV2D", "XNNDepthwiseConv2d"})
"""Their weights are recorded as 1HWC; every other weight of any format has its output channels first."""


def channel_axis(weight: TensorRecord, reader: OperationRecord | None) -> int:
    """The dimension of `weight` that runs over the output channels of the operation that reads it."""
    return len(weight.shape) - 1 if reader is not None and reader.name in _DEPTHWISE else 0


def output_channels(weight: TensorRecord, reader: OperationRecord | None) -> int:
    """How many output channels `weight` has; 1 for a scalar."""
    return weight.shape[channel_axis(weight, reader)] if weight.shape else 1
