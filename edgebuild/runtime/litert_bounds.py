"""How large the vectors of a .tflite file say they are, before anything is unpacked: no more than the file can hold.

A flatbuffer may point to one place many times, so that a small file unfolds to more objects than any memory has. Those
that converters write share nothing; what claims to be several times its own size is refused.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

TIMES = 8
"""A file may unfold to so many times its size: far more than any converter's file does."""
_ROOM = 1 << 16
"""Bytes that any file may unfold to."""
_POINTER = 4

_TABLES: Mapping[str, tuple[str, ...]] = {
    "Model": (
        "OperatorCodes",
        "Subgraphs",
        "Buffers",
        "Metadata",
        "SignatureDefs",
        "ExternalBuffers",
        "ExternalBufferGroups",
    ),
    "SubGraph": ("Tensors", "Operators"),
    "Tensor": ("VariantTensors",),
    "SparsityParameters": ("DimMetadata",),
    "SignatureDef": ("Inputs", "Outputs"),
}
"""Table -> its vectors of tables."""
_SINGLE: Mapping[str, tuple[str, ...]] = {"Tensor": ("Quantization", "Sparsity")}
"""Table -> the tables it holds one of."""
_PLAIN: Mapping[str, tuple[str, ...]] = {
    "Model": ("MetadataBuffer",),
    "Buffer": ("Data",),
    "SubGraph": ("Inputs", "Outputs"),
    "Tensor": ("Shape", "ShapeSignature"),
    "Operator": ("Inputs", "Outputs", "CustomOptions", "MutatingVariableInputs", "Intermediates"),
    "QuantizationParameters": ("Min", "Max", "Scale", "ZeroPoint"),
    "SparsityParameters": ("TraversalOrder", "BlockMap"),
}
"""Table -> its vectors of numbers."""
_TEXTS: Mapping[str, tuple[str, ...]] = {
    "Model": ("Description",),
    "OperatorCode": ("CustomCode",),
    "SubGraph": ("Name",),
    "Tensor": ("Name",),
    "Metadata": ("Name",),
    "SignatureDef": ("SignatureKey",),
    "TensorMap": ("Name",),
}


def check_extent(root: Any, size: int) -> None:
    """Walk over the tables of a file of `size` bytes, from its root table `Model`, without unpacking anything.

    Raises:
        ValueError: its vectors are larger than the file could hold, or it lacks one that every file has.
    """
    left = TIMES * size + _ROOM
    pending = [root]
    while pending:
        table = pending.pop()
        kind = type(table).__name__
        left -= sum(getattr(table, f"{name}Length")() for name in _PLAIN.get(kind, ()))
        left -= sum(len(getattr(table, name)() or b"") for name in _TEXTS.get(kind, ()))
        for name in _TABLES.get(kind, ()):
            count = getattr(table, f"{name}Length")()
            left -= _POINTER * count
            if left < 0:
                break
            pending += [getattr(table, name)(position) for position in range(count)]
        pending += [one for name in _SINGLE.get(kind, ()) if (one := getattr(table, name)()) is not None]
        if left < 0:
            msg = f"it claims to hold more than {TIMES} times its size"
            raise ValueError(msg)
