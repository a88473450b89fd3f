"""Feed a session with the model's own arrays: layout, quantization and batch are those of the exported file."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np

from edgebuild.runtime.session import Session

_IMAGE_RANK = 4


class Io(Protocol):
    """One input or output of the file: what `edgebuild.export.format.IoSpec` says."""

    @property
    def name(self) -> str:
        """The user's name for it."""
        ...

    @property
    def shape(self) -> tuple[int, ...]:
        """With the batch dimension, in `layout`."""
        ...

    @property
    def dtype(self) -> str:
        """Element type as numpy names it."""
        ...

    @property
    def layout(self) -> str:
        """`nhwc` or `nchw`."""
        ...

    @property
    def scale(self) -> float | None:
        """None for float tensors."""
        ...

    @property
    def zero_point(self) -> int | None:
        """None for float tensors."""
        ...


class Described(Protocol):
    """A file's inputs and outputs: what `edgebuild.export.format.ExportRecord` says."""

    @property
    def inputs(self) -> Sequence[Io]:
        """In the file's order."""
        ...

    @property
    def outputs(self) -> Sequence[Io]:
        """In the file's order."""
        ...


def predict(session: Session, record: Described, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Run the file on `inputs` (name -> [n, ...] as the PyTorch model takes them, NCHW) and return what PyTorch would.

    Returns:
        Output name -> float32 [n, ...], NCHW; integer outputs without a scale keep their type.

    Raises:
        ValueError: an input is missing, or has another shape than the file wants.
    """
    return from_raw(record, raw_outputs(session, record, inputs))


def raw_outputs(session: Session, record: Described, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """As `predict`, but the outputs are the file's own [n, ...], layout and integers, for bit-exact comparisons."""
    raw = to_raw(record, inputs)
    count = min(len(array) for array in raw.values())
    rows: dict[str, list[np.ndarray]] = {spec.name: [] for spec in record.outputs}
    batch = record.inputs[0].shape[0] if record.inputs else 1
    for start in range(0, count, batch):
        piece = {name: _padded(array[start : start + batch], batch) for name, array in raw.items()}
        for name, array in session.run(piece).items():
            rows[name].append(array[: min(batch, count - start)])
    return {spec.name: _stacked(rows[spec.name], spec) for spec in record.outputs}


def to_raw(record: Described, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Turn model inputs (name -> [n, ...], NCHW) into what the file takes: its layout, its type, quantized.

    Values are rounded to the nearest integer, halves to even as XNNPACK and Arm's instructions do, and clipped.

    Raises:
        ValueError: an input is missing, or has another shape than the file wants.
    """
    raw = {}
    for spec in record.inputs:
        if spec.name not in inputs:
            msg = f"input {spec.name!r} is missing: found {sorted(inputs)}"
            raise ValueError(msg)
        array = np.asarray(inputs[spec.name])
        if spec.layout == "nhwc" and array.ndim == _IMAGE_RANK:
            array = array.transpose(0, 2, 3, 1)
        if array.shape[1:] != tuple(spec.shape[1:]):
            msg = (
                f"input {spec.name!r}: found samples of shape {array.shape[1:]}, the file wants {tuple(spec.shape[1:])}"
            )
            raise ValueError(msg)
        raw[spec.name] = np.ascontiguousarray(_quantized(array, spec))
    return raw


def from_raw(record: Described, outputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Turn the file's outputs (name -> [n, ...]) into the model's: dequantized to float32, NCHW."""
    results = {}
    for spec in record.outputs:
        array = outputs[spec.name]
        if spec.scale is not None:
            array = (array.astype(np.float32) - np.float32(spec.zero_point or 0)) * np.float32(spec.scale)
        elif np.issubdtype(array.dtype, np.floating):
            array = array.astype(np.float32)
        if spec.layout == "nhwc" and array.ndim == _IMAGE_RANK:
            array = array.transpose(0, 3, 1, 2)
        results[spec.name] = np.ascontiguousarray(array)
    return results


def outputs_digest(outputs: Mapping[str, np.ndarray]) -> str:
    """What `TimedRun.outputs_sha256` is for these outputs of a session: SHA-256 of their bytes, in the file's order."""
    digest = hashlib.sha256()
    for array in outputs.values():
        digest.update(array.tobytes())
    return digest.hexdigest()


def _quantized(array: np.ndarray, spec: Io) -> np.ndarray:
    if spec.scale is None:
        return array.astype(spec.dtype, copy=False)
    limits = np.iinfo(spec.dtype)
    steps = np.rint(array.astype(np.float32) / np.float32(spec.scale)) + np.float32(spec.zero_point or 0)
    return np.asarray(np.clip(steps, limits.min, limits.max), spec.dtype)


def _padded(piece: np.ndarray, batch: int) -> np.ndarray:
    """Repeat the last sample up to the file's batch."""
    missing = batch - len(piece)
    return np.concatenate([piece, np.repeat(piece[-1:], missing, axis=0)]) if missing else piece


def _stacked(rows: list[np.ndarray], spec: Io) -> np.ndarray:
    return np.concatenate(rows) if rows else np.zeros((0, *spec.shape[1:]), spec.dtype)
