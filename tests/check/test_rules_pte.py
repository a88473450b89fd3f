"""The rules for .pte files, on real files with and without the fault."""

from __future__ import annotations

from dataclasses import replace

from edgebuild.check.promise import RuntimeVersion
from edgebuild.check.verify import verify
from tests.check.conftest import Export
from tests.check.workshop import promise


def test_a_delegated_int8_file_is_as_promised(pte: Export) -> None:
    file = pte("plain", "int8")
    result = verify(file.census, promise("executorch", "int8", granularity="per_channel"), [], file.layers)
    assert result.findings == ()
    assert result.summary["delegates"] == [{"name": "XnnpackBackend", "operations": len(file.census.operations)}]


def test_undelegated_op_is_named_with_its_layer(pte: Export) -> None:
    (finding,) = pte("interrupted", "int8").findings("undelegated-op", promise("executorch", "int8"))
    total = len(pte("interrupted", "int8").census.operations)
    assert finding.message == (
        f"2 of {total} operations run on portable kernels, about 100 times slower than a delegate "
        "(aten::cumsum in middle.cumsum, aten::mean in mean)"
    )
    assert finding.layers == ("middle.cumsum", "mean")
    assert finding.severity == "fatal"


def test_split_delegate_is_a_note(pte: Export) -> None:
    (finding,) = pte("interrupted", "int8").findings("split-delegate", promise("executorch", "int8"))
    assert finding.message == (
        "3 delegate calls instead of one (one starts in first, one starts in middle.cumsum, one starts in mean)"
    )
    assert finding.severity == "note"
    assert pte("plain", "int8").findings("split-delegate", promise("executorch", "int8")) == []


def test_an_island_of_float_in_an_int8_file(pte: Export) -> None:
    file = pte("interrupted", "int8")
    (activations,) = file.findings("float-activations", promise("executorch", "int8"))
    assert "aten::cumsum in middle.cumsum" in activations.message
    (conversions,) = file.findings("inner-quantize", promise("executorch", "int8"))
    assert "XNNConvert/dequantize int8 of scale " in conversions.message


def test_a_transpose_inside_a_delegate_is_its_own_affair(pte: Export) -> None:
    (finding,) = pte("interrupted", "int8").findings("stray-transpose", promise("executorch", "int8"))
    assert finding.severity == "note"
    assert "put in by the delegate" in finding.message


def test_casts_for_a_float32_caller_of_a_half_precision_file_are_a_note(pte: Export) -> None:
    file = pte("plain", "fp16")
    result = verify(file.census, promise("executorch", "fp16"), [], file.layers)
    assert [(finding.code, finding.severity) for finding in result.findings] == [("undelegated-op", "note")]
    assert result.findings[0].message == (
        "2 casts between the caller's float32 and the type inside, on portable kernels"
    )


def test_an_older_executorch_is_not_proved_and_says_so(pte: Export) -> None:
    file = pte("plain", "int8")
    (finding,) = file.findings(
        "op-too-new", promise("executorch", "int8", oldest=RuntimeVersion("executorch", "1.2.0"))
    )
    assert finding.severity == "note"
    assert "so that executorch 1.2.0 runs it is not proved" in finding.message
    assert file.findings("op-too-new", promise("executorch", "int8")) == []


def test_another_schema_is_refused(pte: Export) -> None:
    file = pte("plain", "int8")
    other = replace(file, census=replace(file.census, schema_version="ET11 version 0"))
    (finding,) = other.findings("op-too-new", promise("executorch", "int8"))
    assert finding.message == "the file's schema is ET11 version 0, ExecuTorch runtimes load ET12"
