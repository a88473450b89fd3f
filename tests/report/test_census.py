"""A census made short keeps every tensor and operation in its counts."""

from edgebuild.check.census.model import Census, IoRecord, OperationRecord, TensorRecord
from edgebuild.report.census import summarize_census

CENSUS = Census(
    path="model.tflite",
    format="tflite",
    file_bytes=1000,
    sha256="0" * 64,
    schema_version="3",
    inputs=(IoRecord("image", "int8", (1, 8, 8, 1), 0.5, -1),),
    outputs=(IoRecord("scores", "float32", (1, 10)),),
    tensors=(
        TensorRecord(0, "a", "stem", "weight", "int8", (4,), 4),
        TensorRecord(1, "b", "body", "weight", "int8", (6,), 6),
        TensorRecord(2, "c", "head", "weight", "float32", (2,), 8),
        TensorRecord(3, "d", None, "activation", "int8", (9,)),
    ),
    operations=(
        OperationRecord(0, "CONV_2D", 3, "stem", "XNNPACK", (0,), (3,)),
        OperationRecord(1, "CONV_2D", 3, "body", "XNNPACK", (1,), (3,)),
        OperationRecord(2, "CONV_2D", 3, "head", None, (2,), (3,)),
    ),
    arena_bytes=None,
    arena_source="not stated",
)


def test_tensors_and_operations_are_counted_by_kind() -> None:
    facts = summarize_census(CENSUS)
    assert [(row.role, row.dtype, row.count, row.bytes) for row in facts.tensors] == [
        ("activation", "int8", 1, 0),
        ("weight", "float32", 1, 8),
        ("weight", "int8", 2, 10),
    ]
    assert [(row.name, row.delegate, row.count) for row in facts.operations] == [
        ("CONV_2D", None, 1),
        ("CONV_2D", "XNNPACK", 2),
    ]
    assert facts.delegates == ("XNNPACK",)
    assert [(io.role, io.name, io.zero_point) for io in facts.io] == [
        ("input", "image", -1),
        ("output", "scores", None),
    ]
