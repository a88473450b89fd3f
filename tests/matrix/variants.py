"""Every way to export that a profile can ask for, as profiles for a project's `targets:`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

_STEPS: dict[str, dict[str, Any]] = {
    "fp16": {"kind": "float16"},
    "int8": {"kind": "static"},
    "int8-dynamic": {"kind": "dynamic"},
    "int8-weight-only": {"kind": "weight_only"},
    "int16x8": {"kind": "static", "activations": "int16"},
}


@dataclass(frozen=True)
class Variant:
    """One way to export a model.

    Attributes:
        least_sqnr_db: how near the outputs must be to PyTorch's on the validation data. Rounding to half precision
            leaves about 60 dB, to 8-bit weights about 45, to 8-bit activations about 38; a wrong layout, scale or order
            of channels leaves less than 20.
    """

    format: str
    dtype: str
    io: str
    layout: str
    least_sqnr_db: float
    granularity: str = "per_channel"
    oldest: str = ""

    @property
    def name(self) -> str:
        """`tflite-int8-uint8-nhwc`: format, dtype, type of inputs and outputs, layout."""
        return f"{self.format}-{self.dtype}-{self.io}-{self.layout}"

    def profile(self) -> dict[str, Any]:
        """The profile as it stands in a project."""
        step = _STEPS.get(self.dtype)
        coarse = {"granularity": self.granularity} if self.granularity != "per_channel" else {}
        runtime = {"name": {"tflite": "litert", "executorch": "executorch"}[self.format]}
        return {
            "target": self.name,
            "runtime": {**runtime, **({"oldest": self.oldest} if self.oldest else {})},
            "export": {"format": self.format, "dtype": self.dtype, "io": self.io, "layout": self.layout},
            "plan": [{"quantize": {**step, **coarse}}] if step is not None else [],
        }


OLD = "tflite-runtime 2.14.0"

VARIANTS = (
    Variant("tflite", "fp32", "float32", "nhwc", 100, oldest=OLD),
    Variant("tflite", "fp16", "float32", "nchw", 50, oldest=OLD),
    Variant("tflite", "int8", "int8", "nhwc", 30, oldest=OLD),
    Variant("tflite", "int8", "uint8", "nhwc", 30, granularity="per_tensor"),
    Variant("tflite", "int8", "float32", "nchw", 30),
    Variant("tflite", "int8-dynamic", "float32", "nhwc", 40, oldest=OLD),
    Variant("tflite", "int8-weight-only", "float32", "nchw", 40),
    Variant("tflite", "int16x8", "int16", "nhwc", 40),
    Variant("executorch", "fp32", "float32", "nchw", 100),
    Variant("executorch", "fp16", "float32", "nhwc", 50),
    Variant("executorch", "int8", "float32", "nchw", 30),
    Variant("executorch", "int8-dynamic", "float32", "nhwc", 40),
)
