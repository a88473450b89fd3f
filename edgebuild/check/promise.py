"""A promise: what a profile says the exported file will be, to hold the file against."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class RuntimeVersion:
    """A runtime and one of its versions, as profiles write them: `tflite-runtime 2.14.0`; version may be unknown."""

    name: str
    version: str | None = None

    @staticmethod
    def parse(text: str) -> RuntimeVersion:
        """Read `name version` or `name`."""
        name, _, version = text.strip().partition(" ")
        return RuntimeVersion(name, version.strip() or None)

    def __str__(self) -> str:
        return f"{self.name} {self.version}" if self.version else self.name


@dataclass(frozen=True)
class Promise:
    """What the profile of one target promises about the exported file.

    Attributes:
        target: name of the profile, for messages.
        format: name in FORMATS: `tflite`, `executorch`.
        dtype: `edgebuild.export.format.Dtype`.
        io: dtype of inputs and outputs: `float32`, `float16`, `int8`, `uint8`, `int16`.
        layout: of 4-D inputs and outputs: `nchw` or `nhwc`.
        runtime: the runtime the target has now.
        oldest: the oldest runtime that must still run the file right; equal to `runtime` where the profile names none.
        granularity: `per_channel`, `per_tensor`, or None where no plan step chose one.
        options: the format's own options, as the profile gives them.
        layer_types: layer -> type of its weight, where the plan wants another one than `dtype` says of all.
        input_names, output_names: the user's names, in order; empty where nothing was promised.
        input_shapes: with the batch dimension, as the PyTorch model takes them (NCHW); empty where not promised.
    """

    target: str
    format: str
    dtype: str
    io: str
    layout: str
    runtime: RuntimeVersion
    oldest: RuntimeVersion
    granularity: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    layer_types: Mapping[str, str] = field(default_factory=dict)
    input_names: tuple[str, ...] = ()
    output_names: tuple[str, ...] = ()
    input_shapes: tuple[tuple[int, ...], ...] = ()

    @property
    def full_integer(self) -> bool:
        """True where weights and activations are promised as integers (`int8`, `int16x8`)."""
        return self.dtype in ("int8", "int16x8")

    @property
    def float_layers(self) -> tuple[str, ...]:
        """The layers that are promised in floating point, in a file of integers."""
        return tuple(layer for layer, dtype in self.layer_types.items() if dtype == "float32")

    @property
    def runtimes(self) -> tuple[RuntimeVersion, ...]:
        """The current and the oldest runtime, once each."""
        return (self.runtime,) if self.runtime == self.oldest else (self.runtime, self.oldest)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {**asdict(self), "options": dict(self.options), "layer_types": dict(self.layer_types)}

    @staticmethod
    def from_json(raw: Mapping[str, Any]) -> Promise:
        """Rebuild from `to_json`; lists become tuples again."""
        values = dict(raw)
        values["runtime"] = RuntimeVersion(**raw["runtime"])
        values["oldest"] = RuntimeVersion(**raw["oldest"])
        values["input_names"] = tuple(raw["input_names"])
        values["output_names"] = tuple(raw["output_names"])
        values["input_shapes"] = tuple(tuple(shape) for shape in raw["input_shapes"])
        return Promise(**values)
