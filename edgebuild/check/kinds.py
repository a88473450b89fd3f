"""Kinds of operations that the rules care about, whatever the file type calls them."""

from __future__ import annotations

from edgebuild.check.census.model import OperationRecord


def is_quantize(operation: OperationRecord) -> bool:
    """True for operations that turn a tensor into a quantized one, requantizing included."""
    name = operation.name.lower()
    return "quantize" in name and not is_dequantize(operation)


def is_dequantize(operation: OperationRecord) -> bool:
    """True for operations that turn a quantized tensor into floating point."""
    return "dequantize" in operation.name.lower()


def is_cast(operation: OperationRecord) -> bool:
    """True for operations that only change the type of plain numbers: ExecuTorch's copies and TFLite's CAST."""
    return operation.name == "CAST" or operation.name.endswith(("_to_dim_order_copy", "::_to_copy"))


def is_transpose(operation: OperationRecord) -> bool:
    """True for operations that only reorder dimensions."""
    name = operation.name.lower()
    return "permute" in name or ("transpose" in name and "conv" not in name)


def is_reshape(operation: OperationRecord) -> bool:
    """True for operations that only give a tensor another shape."""
    name = operation.name.lower()
    return any(word in name for word in ("reshape", "view", "flatten"))
