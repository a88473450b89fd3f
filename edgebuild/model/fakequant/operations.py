"""What quantization means for the operations of a traced model: which keep their input's integers, which make new ones.

Two runtimes must find the same scheme, so where the kernels of one of them share a range and those of the other need
not, it is shared: XNNPACK's over means and global pooling (it refuses two ranges there), TFLite's over other average
pooling, concatenations and padding. TFLite also fixes the range of softmax and its like.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

CLAMPS = frozenset({"relu", "relu6", "hardtanh", "clamp"})
"""They commute with rounding to a range that holds their bounds, so a runtime may do either first."""

MOVES = frozenset(
    {"max_pool1d", "max_pool2d", "max_pool3d", "view", "reshape", "flatten", "unflatten", "permute", "transpose"}
    | {"squeeze", "unsqueeze", "slice", "select", "getitem", "split", "split_with_sizes", "chunk", "unbind", "dropout"}
    | {"contiguous", "clone", "expand", "t", "pad", "constant_pad_nd", "upsample_nearest1d", "upsample_nearest2d"}
    | {"narrow", "alias", "detach", "flip", "channel_shuffle", "pixel_shuffle", "repeat", "roll", "numpy_T"}
    | {"movedim", "swapaxes", "feature_dropout"}
)
"""Their results are values of their input: no rounding is needed behind them."""

POOLS = frozenset({"mean", "avg_pool1d", "avg_pool2d", "avg_pool3d", "adaptive_avg_pool1d", "adaptive_avg_pool2d"})
"""Their results have their input's range, but are no values of it: they are rounded again."""

JOINS = frozenset({"cat", "concat", "stack"})
"""All inputs and the result have one range."""

FIXED = {
    "sigmoid": (1 / 256, -128),
    "softmax": (1 / 256, -128),
    "tanh": (1 / 128, 0),
    "log_softmax": (16 / 256, 127),
}
"""operation -> scale and zero point that TFLite demands of its int8 result (its quantization specification)."""

CONVOLUTIONS = frozenset({"conv1d", "conv2d", "conv3d"})
TRANSPOSED = frozenset({"conv_transpose1d", "conv_transpose2d", "conv_transpose3d"})
LINEAR = "linear"
NORM = "batch_norm"
WEIGHTED = CONVOLUTIONS | TRANSPOSED | {LINEAR}

PLAIN = WEIGHTED | {"add", "mul", "sub"} | CLAMPS | MOVES | POOLS | JOINS | FIXED.keys()
"""One operation in every runtime; what is not here may be several, with results in between that no training sees."""


def operation(node: torch.fx.Node) -> str:
    """`conv2d`, `relu`, `getitem`, …; of an operation in place without the underscore."""
    if "getitem" in str(node.target):
        return "getitem"
    return str(node.target).removeprefix("aten.").split(".")[0].rstrip("_")


def layer(node: torch.fx.Node) -> str:
    """Dotted name of the module whose forward calls the operation; empty for the model's own."""
    stack = list(node.meta.get("nn_module_stack", {}).values())
    path = str(stack[-1][0]) if stack else ""
    return ".".join(part.split("@")[0] for part in path.split("."))


def is_activation(node: Any) -> bool:
    """True for a floating-point tensor, or several, that depends on the model's input."""
    import torch

    if not isinstance(node, torch.fx.Node) or node.op not in ("placeholder", "call_function"):
        return False
    return any(isinstance(value, torch.Tensor) and value.is_floating_point() for value in _values(node))


def _values(node: torch.fx.Node) -> Iterator[Any]:
    value = node.meta.get("val")
    if isinstance(value, (list, tuple)):
        yield from value
    else:
        yield value
