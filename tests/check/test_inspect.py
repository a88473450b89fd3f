"""`edgebuild inspect` on our own files, on artifact folders and on files of others."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from edgebuild.check.inspection import inspect_file
from edgebuild.cli.inspect import inspect
from edgebuild.errors import ConfigError
from tests.check.conftest import Export

FOREIGN = Path(os.environ.get("EDGEBUILD_MLPERF_TINY", "mlperf-tiny"))
"""Folder with MLPerf Tiny's reference models, where somebody has them."""


def run(*arguments: str) -> str:
    app = typer.Typer()
    app.command()(inspect)
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "160"})
    assert result.exit_code == 0, result.output
    return result.stdout


def test_a_page_for_people(tflite: Export) -> None:
    page = run(str(tflite("plain", "int8").path))
    for fact in ("model.tflite", "image", "1x8x8x3", "CONV_2D", "5.375 KiB", "oldest runtime"):
        assert fact in page
    assert "depthwise.0" not in page


def test_every_tensor_and_operation_on_request(tflite: Export) -> None:
    page = run(str(tflite("plain", "int8").path), "--tensors", "--ops")
    assert "16 along axis 0" in page
    assert "depthwise.0" in page


def test_a_pte_says_its_delegate(pte: Export) -> None:
    assert "XnnpackBackend" in run(str(pte("plain", "int8").path))


def test_json_has_everything_and_nothing_else(tflite: Export) -> None:
    file = tflite("plain", "int8")
    facts = json.loads(run(str(file.path.parent), "--json"))
    assert sorted(facts) == ["census", "path", "records", "summary"]
    assert facts["records"]["export.json"]["dtype"] == "int8"
    assert len(facts["census"]["operations"]) == len(file.census.operations)


def test_a_folder_without_a_record_but_with_one_file(tflite: Export, tmp_path: Path) -> None:
    shutil.copy(tflite("plain", "int8").path, tmp_path / "theirs.tflite")
    assert inspect_file(tmp_path).census.path.endswith("theirs.tflite")
    shutil.copy(tmp_path / "theirs.tflite", tmp_path / "another.tflite")
    with pytest.raises(ConfigError, match=r"found 2 exported files in it, expected one: another.tflite, theirs.tflite"):
        inspect_file(tmp_path)


def test_what_is_not_an_exported_file(tmp_path: Path) -> None:
    (tmp_path / "weights.onnx").write_bytes(b"\0")
    with pytest.raises(ConfigError, match=r"a file ending in .onnx cannot be inspected; known: .c, .pte, .tflite"):
        inspect_file(tmp_path / "weights.onnx")
    with pytest.raises(ConfigError, match="no such file or artifact folder"):
        inspect_file(tmp_path / "nowhere.tflite")


@pytest.mark.skipif(not FOREIGN.is_dir(), reason="MLPerf Tiny's models are not here; EDGEBUILD_MLPERF_TINY names them")
def test_files_of_others() -> None:
    for path in sorted(FOREIGN.glob("*.tflite")):
        summary = inspect_file(path).summary
        assert summary["file"]["bytes"] == path.stat().st_size
        assert summary["operations"]
        assert summary["min_runtime"]["required"]
