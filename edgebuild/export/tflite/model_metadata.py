"""The standard TFLite metadata table (`ModelMetadata`, schema 1.0, identifier M001).

The Task Library, ML Kit and Android Studio read it: what each tensor means, how to normalise, where the labels are.

Field numbers are those of tensorflow_lite_support/metadata/metadata_schema.fbs (tensorflow/tflite-support).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_IDENTIFIER = b"M001"
_PARSER_VERSION = "1.0.0"
_FEATURE, _IMAGE = 1, 2
_RGB, _GRAYSCALE = 1, 2
_NORMALIZATION = 1
_TENSOR_AXIS_LABELS = 2


@dataclass(frozen=True)
class TensorMeaning:
    """One input or output.

    Attributes:
        name, description: for the reader and for generated code.
        channels: 1 or 3 where the tensor is an image (NHWC); None for any other tensor.
        mean, std: `(raw - mean) / std` for inputs; empty where there is no normalisation.
        labels_file: name of the zipped file with one label per line for the last axis; None without labels.
    """

    name: str
    description: str
    channels: int | None = None
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    labels_file: str | None = None


def model_metadata(name: str, inputs: Sequence[TensorMeaning], outputs: Sequence[TensorMeaning]) -> bytes:
    """Return the flatbuffer of a `ModelMetadata` with one subgraph."""
    import flatbuffers

    builder = flatbuffers.Builder(1024)
    input_vector = _vector(builder, [_tensor(builder, meaning) for meaning in inputs])
    output_vector = _vector(builder, [_tensor(builder, meaning) for meaning in outputs])
    subgraph = _table(builder, 7, {2: input_vector, 3: output_vector})
    subgraphs = _vector(builder, [subgraph])
    title, parser = builder.CreateString(name), builder.CreateString(_PARSER_VERSION)
    builder.Finish(_table(builder, 8, {0: title, 3: subgraphs, 7: parser}), _IDENTIFIER)
    return bytes(builder.Output())


def _tensor(builder: Any, meaning: TensorMeaning) -> int:
    fields = {0: builder.CreateString(meaning.name), 1: builder.CreateString(meaning.description)}
    fields[3] = _content(builder, meaning)
    if meaning.mean:
        fields[4] = _vector(builder, [_normalization(builder, meaning)])
    if meaning.labels_file:
        fields[6] = _vector(builder, [_labels(builder, meaning.labels_file)])
    return _table(builder, 7, fields)


def _content(builder: Any, meaning: TensorMeaning) -> int:
    if meaning.channels is None:
        kind, properties = _FEATURE, _table(builder, 0, {})
    else:
        builder.StartObject(2)
        builder.PrependInt8Slot(0, _RGB if meaning.channels == 3 else _GRAYSCALE, 0)
        kind, properties = _IMAGE, builder.EndObject()
    return _union(builder, 3, kind, properties)


def _normalization(builder: Any, meaning: TensorMeaning) -> int:
    mean, std = _floats(builder, meaning.mean), _floats(builder, meaning.std)
    return _union(builder, 2, _NORMALIZATION, _table(builder, 2, {0: mean, 1: std}))


def _labels(builder: Any, file: str) -> int:
    name, description = (
        builder.CreateString(file),
        builder.CreateString("one class name per line, in the order of the output"),
    )
    builder.StartObject(4)
    builder.PrependUOffsetTRelativeSlot(0, name, 0)
    builder.PrependUOffsetTRelativeSlot(1, description, 0)
    builder.PrependInt8Slot(2, _TENSOR_AXIS_LABELS, 0)
    return int(builder.EndObject())


def _union(builder: Any, fields: int, kind: int, value: int) -> int:
    """A table whose first two fields are a union: its type (0) and its value (1)."""
    builder.StartObject(fields)
    builder.PrependUint8Slot(0, kind, 0)
    builder.PrependUOffsetTRelativeSlot(1, value, 0)
    return int(builder.EndObject())


def _table(builder: Any, fields: int, offsets: dict[int, int]) -> int:
    builder.StartObject(fields)
    for number, offset in sorted(offsets.items()):
        builder.PrependUOffsetTRelativeSlot(number, offset, 0)
    return int(builder.EndObject())


def _vector(builder: Any, offsets: Sequence[int]) -> int:
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return int(builder.EndVector())


def _floats(builder: Any, values: Sequence[float]) -> int:
    builder.StartVector(4, len(values), 4)
    for value in reversed(values):
        builder.PrependFloat32(value)
    return int(builder.EndVector())
