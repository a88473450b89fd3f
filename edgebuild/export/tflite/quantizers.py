"""Which quantizer makes which dtype: one entry a dtype, so that another quantizer is another file and a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from edgebuild.export.format import Dtype
from edgebuild.export.tflite import recipes, static

Granularity = Literal["per_channel", "per_tensor"]


@dataclass(frozen=True)
class QuantizeTask:
    """What a quantizer works from.

    Attributes:
        model: the float .tflite.
        label: name of the user's model, for messages.
        dtype: what is asked for.
        io: element type of inputs and outputs.
        granularity: of weights in general.
        fully_connected: of the weights of FULLY_CONNECTED.
        calibration: per input of the file, in its order: samples [n, ...] in the file's layout and type; empty where
            the dtype needs none.
        ranges: name of a tensor of the float file -> its range, instead of the calibrated one.
        layer_types: layer -> type of its weight, where that is another one than `dtype` says of all.
    """

    model: bytes
    label: str
    dtype: Dtype
    io: str
    granularity: Granularity
    fully_connected: Granularity
    calibration: tuple[np.ndarray, ...] = ()
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    layer_types: Mapping[str, str] = field(default_factory=dict)

    def layers_of(self, dtype: str) -> tuple[str, ...]:
        """The layers whose weight has this type of its own."""
        return tuple(layer for layer, kind in self.layer_types.items() if kind == dtype)


def _keep_float(task: QuantizeTask) -> bytes:
    return task.model


QUANTIZERS: Mapping[Dtype, Callable[[QuantizeTask], bytes]] = {
    "fp32": _keep_float,
    "fp16": recipes.half_precision,
    "int8": static.full_integer,
    "int8-dynamic": recipes.dynamic,
    "int8-weight-only": recipes.weight_only,
    "int4-dynamic": recipes.dynamic_four_bits,
    "int4-weight-only": recipes.weight_only_four_bits,
    "int16x8": static.full_integer,
}
"""dtype -> (task) -> the quantized .tflite; raises ToolError where the quantizer fails."""

NEEDS_CALIBRATION: frozenset[Dtype] = frozenset({"int8", "int16x8"})
