"""Which layer of the user's model a tensor or an operation of a .tflite file comes from."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from edgebuild.check.census.model import TensorRecord

_ADDED = re.compile(r"(_int8|_uint8|_int16|_dequant|_requantized|_quantized)+(_\d+)?$")
"""What quantizers append to the name of the tensor that they copy."""

_CONVERTER_PART = re.compile(r"[\w.]+_(?P<attribute>[^_/;][^/;]*)$")


class LayerNames:
    """Reads layer names from tensor names.

    Our exports say `layer/part`, and their metadata say which layer makes an output. Files of the plain converter say
    `package.Class/package.Class_attribute;`; those are resolved against the known layers where possible.
    """

    def __init__(self, layers: Sequence[str], entry: str) -> None:
        """`layers`: the model's layers where known; `entry`: text of the metadata entry `edgebuild`, or empty."""
        self._layers = tuple(layers)
        self._ours = bool(entry)
        self._outputs: dict[str, str] = json.loads(entry).get("layers", {}) if entry else {}

    def of_tensor(self, name: str) -> str | None:
        """The layer that `name` speaks of; None where it does not tell."""
        plain = _ADDED.sub("", name)
        if plain in self._outputs:
            return self._outputs[plain]
        if ";" in name:
            return self._of_converter_name(plain)
        layer, slash, _ = plain.rpartition("/")
        known = self._ours or layer in self._layers
        return layer if slash and known else None

    def of_operation(self, outputs: Sequence[TensorRecord], inputs: Sequence[TensorRecord]) -> str | None:
        """The layer of an operation: its weight's where its own result does not tell."""
        candidates = [tensor.layer for tensor in outputs]
        candidates += [tensor.layer for tensor in inputs if tensor.role == "weight"]
        return next((layer for layer in candidates if layer), None)

    def _of_converter_name(self, name: str) -> str | None:
        parts = [part for part in name.rpartition(";")[0].split(";;") if part]
        if not parts:
            return None
        path = parts[-1].split("/")[1:]
        for layer in self._layers:
            attributes = layer.split(".")
            called = [piece for piece in path if any(piece.endswith(f"_{attribute}") for attribute in attributes)]
            if called and path[-1].endswith(f"_{attributes[-1]}") and len(called) == len(path):
                return layer
        found = [_CONVERTER_PART.match(piece) for piece in path]
        return ".".join(match["attribute"] for match in found if match) or None
