"""Which inputs of a TFLite operation are its parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

ParameterRole = Literal["weight", "bias"]

_CONVOLUTION: Mapping[int, ParameterRole] = {1: "weight", 2: "bias"}
_LSTM: Mapping[int, ParameterRole] = {
    **dict.fromkeys([*range(1, 12), 16], "weight"),
    **dict.fromkeys([12, 13, 14, 15, 17], "bias"),
}
_PARAMETERS: Mapping[str, Mapping[int, ParameterRole]] = {
    "CONV_2D": _CONVOLUTION,
    "DEPTHWISE_CONV_2D": _CONVOLUTION,
    "CONV_3D": _CONVOLUTION,
    "FULLY_CONNECTED": _CONVOLUTION,
    "TRANSPOSE_CONV": {1: "weight", 3: "bias"},
    "CONV_3D_TRANSPOSE": {1: "weight", 3: "bias"},
    "BATCH_MATMUL": {0: "weight", 1: "weight"},
    "EMBEDDING_LOOKUP": {1: "weight"},
    "GATHER": {0: "weight"},
    "PRELU": {1: "weight"},
    "SVDF": {1: "weight", 2: "weight", 3: "bias"},
    "RNN": {1: "weight", 2: "weight", 3: "bias"},
    "UNIDIRECTIONAL_SEQUENCE_RNN": {1: "weight", 2: "weight", 3: "bias"},
    "LSTM": _LSTM,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": _LSTM,
}


def parameter_roles(operation: str) -> Mapping[int, ParameterRole]:
    """Input position -> role of what is stored there; positions of computed tensors and of shapes are not listed.

    The positions are those of the schema's kernels; a listed position counts only where its tensor is stored.
    """
    return _PARAMETERS.get(operation, {})
