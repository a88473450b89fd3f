"""An app finds labels, normalisation and names inside the file."""

from __future__ import annotations

import json
import zipfile
from typing import Any

import flatbuffers.table
import numpy as np
import pytest
from flatbuffers import encode, number_types, packer

from edgebuild.runtime.litert_flatbuffer import read_model, tensor_name
from tests.tflite.nets import CLASSES, Workbench


class Table:
    """Reads a flatbuffer table by field numbers, knowing nothing of the schema."""

    def __init__(self, data: bytes, position: int) -> None:
        self._table = flatbuffers.table.Table(bytearray(data), position)
        self._data = data

    def _at(self, field: int) -> int:
        return int(self._table.Offset(4 + 2 * field))

    def text(self, field: int) -> str:
        return str(self._table.String(self._at(field) + self._table.Pos).decode())

    def byte(self, field: int) -> int:
        return int(self._table.Get(number_types.Int8Flags, self._at(field) + self._table.Pos))

    def tables(self, field: int) -> list[Table]:
        start, count = self._table.Vector(self._at(field)), self._table.VectorLen(self._at(field))
        return [Table(self._data, self._table.Indirect(start + 4 * number)) for number in range(count)]

    def table(self, field: int) -> Table:
        return Table(self._data, self._table.Indirect(self._at(field) + self._table.Pos))

    def floats(self, field: int) -> Any:
        start, count = self._table.Vector(self._at(field)), self._table.VectorLen(self._at(field))
        return np.frombuffer(self._data, np.float32, count, start)


def entries(model: Any) -> dict[str, bytes]:
    return {entry.name.decode(): bytes(bytearray(model.buffers[entry.buffer].data)) for entry in model.metadata}


@pytest.mark.parametrize(("dtype", "io"), [("fp32", "float32"), ("int8", "uint8")])
def test_the_standard_table_says_normalisation_and_labels(classifier: Workbench, dtype: str, io: str) -> None:
    file, _ = classifier.quantized(f"meta-{dtype}", dtype, io, "nhwc")
    data = entries(read_model(file))["TFLITE_METADATA"]
    assert data[4:8] == b"M001"
    root = Table(data, encode.Get(packer.uoffset, data, 0))
    assert (root.text(0), root.text(7)) == ("nets_source:residual", "1.0.0")
    (graph,) = root.tables(3)
    (image,), (scores,) = graph.tables(2), graph.tables(3)
    assert (image.text(0), scores.text(0)) == ("image", "scores")
    image_kind, rgb = 2, 1
    assert (image.table(3).byte(0), image.table(3).table(1).byte(0)) == (image_kind, rgb)
    (unit,) = image.tables(4)
    raw = np.arange(256, dtype=np.float32)
    ours = (raw[:, None] / 255 - np.array([0.5, 0.4, 0.3])) / 0.2
    theirs = (raw[:, None] - unit.table(1).floats(0)) / unit.table(1).floats(1)
    assert unit.byte(0) == 1
    assert np.allclose(ours, theirs, atol=1e-5)
    (labels,) = scores.tables(6)
    assert (labels.text(0), labels.byte(2)) == ("labels.txt", 2)


def test_the_labels_lie_in_the_file(classifier: Workbench) -> None:
    file, _ = classifier.quantized("labels", "int8", "int8", "nhwc")
    with zipfile.ZipFile(file) as archive:
        assert archive.read("labels.txt").decode().splitlines() == list(CLASSES)
        assert archive.infolist()[0].compress_type == zipfile.ZIP_STORED
        assert archive.infolist()[0].date_time == (1980, 1, 1, 0, 0, 0)


def test_our_entry_says_all_of_it(classifier: Workbench) -> None:
    file, record = classifier.quantized("ours", "int8", "int8", "nhwc")
    entry = json.loads(entries(read_model(file))["edgebuild"])
    (image,) = entry["inputs"]
    assert image["normalization"] == {"scale": 1 / 255, "mean": [0.5, 0.4, 0.3], "std": [0.2, 0.2, 0.2]}
    assert (image["name"], image["scale"], image["layout"]) == ("image", record.inputs[0].scale, "nhwc")
    assert entry["labels"] == list(CLASSES)
    assert entry["layers"] == {"scores": "fc"}


def test_names_are_in_the_signature_and_on_the_tensors(two_outputs: Workbench) -> None:
    for io in ("int8", "uint8", "float32"):
        model = read_model(two_outputs.quantized(f"names-{io}", "int8", io, "nhwc")[0])
        graph, signature = model.subgraphs[0], model.signatureDefs[0]
        assert [entry.name for entry in signature.inputs + signature.outputs] == [b"image", b"scores", b"features"]
        tensors = [graph.tensors[index] for index in (*graph.inputs, *graph.outputs)]
        assert [tensor_name(tensor) for tensor in tensors] == ["image", "scores", "features"]


def test_every_buffer_is_aligned(classifier: Workbench) -> None:
    from ai_edge_litert import schema_py_generated as schema

    data = classifier.quantized("aligned", "int8", "int8", "nhwc")[0].read_bytes()
    model = schema.Model.GetRootAs(data, 0)
    starts = []
    for number in range(model.BuffersLength()):
        table = model.Buffers(number)._tab
        field = table.Offset(4)
        if field:
            starts.append(table.Vector(field) % 16)
    assert len(starts) > 10
    assert set(starts) == {0}
