"""The census of an exported file: every tensor, operation and delegate that is really in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

Role = Literal["input", "output", "weight", "bias", "activation", "constant"]

Bits = bytes
"""Eight bits a byte, the highest first."""


@dataclass(frozen=True)
class TensorRecord:
    """One tensor of the file.

    Attributes:
        index: position in the file; `operations` refer to it.
        name: as it stands in the file.
        layer: dotted name of the layer in the user's model that it comes from; None where the file does not tell.
        role: weight and bias are the parameters of an operation; constant is any other stored data (shapes, axes).
        dtype: `float32`, `float16`, `int8`, `int4`, `uint8`, `int16`, `int32`, `int64`, `bool`.
        shape: as stored.
        bytes: stored bytes for weight, bias and constant; 0 for the others.
        scale, zero_point, axis: quantization parameters, per-channel where there are several; axis is the channel's.
        sparsity: share of exact zeros in [0, 1], for weights, and 8-bit constants of a .tflite (an int8 zero is its
            zero point).
        values: of a stored tensor of at most 16 integers that is no parameter: axes, paddings, strides.
        distinct: number of distinct stored values, for weights only.
        distinct_along: for each dimension, the largest number of distinct values at one index of it, for weights only.
        digest: of the stored integers in any order (`edgebuild.model.weight_values`), for integer weights and biases.
        magnitude: sum of the real magnitudes, for integer weights and biases.
        is_sparse: True where the file keeps only the numbers that are not zero, and where they stand.
        zero_places: one bit for each number of a weight in the order of `shape`, set where it is zero; left out of
            `to_json`. Empty where the type is not one we can read.
    """

    index: int
    name: str
    layer: str | None
    role: Role
    dtype: str
    shape: tuple[int, ...]
    bytes: int = 0
    scale: tuple[float, ...] = ()
    zero_point: tuple[int, ...] = ()
    axis: int | None = None
    sparsity: float | None = None
    distinct: int | None = None
    distinct_along: tuple[int, ...] = ()
    digest: str | None = None
    magnitude: float | None = None
    values: tuple[int, ...] = ()
    is_sparse: bool = False
    zero_places: Bits = b""


@dataclass(frozen=True)
class OperationRecord:
    """One operation of the file.

    Attributes:
        delegate: the backend that runs it; None is the runtime's own kernel.
        options: its scalar options under the names and with the numbers of the file's schema; for a .tflite only.
    """

    index: int
    name: str
    version: int
    layer: str | None
    delegate: str | None
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    options: dict[str, int | float] = field(default_factory=dict)


@dataclass(frozen=True)
class IoRecord:
    """One input or output of the file as its caller sees it."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    scale: float | None = None
    zero_point: int | None = None


@dataclass(frozen=True)
class Census:
    """Everything that is in one exported file.

    Attributes:
        arena_bytes: memory plan for activations, as the file or the runtime states it; None where neither does.
        arena_source: one line: where arena_bytes comes from and what it covers.
        min_runtime: the oldest runtime the file itself claims to need (metadata); None where it does not say.
        metadata: names of the metadata entries and files inside, with short text values.
    """

    path: str
    format: str
    file_bytes: int
    sha256: str
    schema_version: str
    inputs: tuple[IoRecord, ...]
    outputs: tuple[IoRecord, ...]
    tensors: tuple[TensorRecord, ...]
    operations: tuple[OperationRecord, ...]
    arena_bytes: int | None
    arena_source: str
    min_runtime: str | None = None
    metadata: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        raw = asdict(self)
        for tensor in raw["tensors"]:
            del tensor["zero_places"]
        return raw

    @property
    def weights(self) -> tuple[TensorRecord, ...]:
        """The weight tensors, in file order."""
        return tuple(t for t in self.tensors if t.role == "weight")


@dataclass(frozen=True)
class CensusReader:
    """Reads files of one suffix; registered in CENSUSES."""

    read: Callable[[Path], Census]
