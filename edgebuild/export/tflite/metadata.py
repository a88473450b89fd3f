"""Put into the file what its user must know: normalisation, labels, names and quantization of inputs and outputs.

Twice: as the standard table that Android tools read, and as the entry `edgebuild` (JSON) that has all of it.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from edgebuild.export.format import IoSpec
from edgebuild.export.tflite.model_metadata import TensorMeaning, model_metadata
from edgebuild.model.data_folder import DataSummary, InputSpec
from edgebuild.runtime.litert_flatbuffer import parse_model, serialize_model

LABELS_FILE = "labels.txt"
ENTRY = "edgebuild"
_STANDARD_ENTRY = "TFLITE_METADATA"
_ENTRY_VERSION = 1
_EPOCH = (1980, 1, 1, 0, 0, 0)
_IMAGE_RANK, _IMAGE_CHANNELS = 4, (1, 3)


def add_metadata(
    data: bytes,
    name: str,
    inputs: Sequence[IoSpec],
    outputs: Sequence[IoSpec],
    summary: DataSummary,
    output_layers: Mapping[str, str],
) -> bytes:
    """Return the file with both entries and, where the classes are known, labels.txt zipped onto its end.

    `name` is the model's; `output_layers` says which layer makes an output.
    """
    specs = {spec.name: spec for spec in summary.inputs}
    entry = {
        "version": _ENTRY_VERSION,
        "inputs": [_described(io, specs.get(io.name)) for io in inputs],
        "outputs": [asdict(io) for io in outputs],
        "labels": list(summary.classes),
        "layers": dict(output_layers),
    }
    standard = model_metadata(
        name,
        [_input_meaning(io, specs.get(io.name)) for io in inputs],
        [_output_meaning(io, summary.classes) for io in outputs],
    )
    model = parse_model(data, name)
    _append(model, _STANDARD_ENTRY, standard)
    _append(model, ENTRY, json.dumps(entry, sort_keys=True, separators=(",", ":")).encode())
    packed = serialize_model(model)
    return _with_labels(packed, summary.classes) if summary.classes else packed


def _described(io_spec: IoSpec, spec: InputSpec | None) -> dict[str, Any]:
    normalization = None if spec is None else {"scale": spec.scale, "mean": list(spec.mean), "std": list(spec.std)}
    return {**asdict(io_spec), "normalization": normalization}


def _input_meaning(io_spec: IoSpec, spec: InputSpec | None) -> TensorMeaning:
    mean, std = _raw_normalization(spec) if spec is not None else ((), ())
    is_image = io_spec.layout == "nhwc" and len(io_spec.shape) == _IMAGE_RANK and io_spec.shape[-1] in _IMAGE_CHANNELS
    return TensorMeaning(
        io_spec.name, f"{io_spec.layout} {io_spec.dtype}", io_spec.shape[-1] if is_image else None, mean, std
    )


def _raw_normalization(spec: InputSpec) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Our `(raw * scale - mean) / std` as the standard's `(raw - mean) / std`; empty where it changes nothing."""
    if spec.scale == 1.0 and not spec.mean and not spec.std:
        return (), ()
    channels = max(len(spec.mean), len(spec.std), 1)
    mean = spec.mean or (0.0,) * channels
    std = spec.std or (1.0,) * channels
    return tuple(value / spec.scale for value in mean), tuple(value / spec.scale for value in std)


def _output_meaning(io_spec: IoSpec, classes: Sequence[str]) -> TensorMeaning:
    has_labels = bool(classes) and bool(io_spec.shape) and io_spec.shape[-1] == len(classes)
    return TensorMeaning(
        io_spec.name, f"{io_spec.layout} {io_spec.dtype}", labels_file=LABELS_FILE if has_labels else None
    )


def _append(model: Any, name: str, content: bytes) -> None:
    from ai_edge_litert import schema_py_generated as schema

    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = np.frombuffer(content, np.uint8)
    model.buffers.append(buffer)
    entry.name, entry.buffer = name.encode(), len(model.buffers) - 1
    model.metadata = [*(model.metadata or []), entry]


def _with_labels(data: bytes, classes: Sequence[str]) -> bytes:
    """Zip labels.txt onto the end, stored and without a date, as the standard's readers expect."""
    stream = io.BytesIO(data)
    with zipfile.ZipFile(stream, "a", zipfile.ZIP_STORED) as archive:
        info = zipfile.ZipInfo(LABELS_FILE, _EPOCH)
        info.external_attr = 0o644 << 16
        archive.writestr(info, "".join(f"{label}\n" for label in classes))
    return stream.getvalue()
