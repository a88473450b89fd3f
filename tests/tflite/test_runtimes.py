"""Timing, profiling and comparing with the file's own kernels."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from edgebuild.config.registries import FORMATS, RUNTIMES
from edgebuild.errors import ConfigError, ToolError
from edgebuild.export.feed import outputs_digest, to_raw
from edgebuild.runtime.litert_profile import profile_in_child
from edgebuild.runtime.tflite_runtime_install import environment_python
from tests.tflite.nets import Workbench

INSTALLED = [name for name in ("litert", "tflite-runtime") if RUNTIMES.get(name).version()]


@pytest.fixture(scope="module")
def exported(classifier: Workbench) -> tuple[Path, dict[str, Path]]:
    """An int8 file and its first input on disk."""
    file, record = classifier.quantized("timed", "int8", "int8", "nhwc")
    raw = to_raw(record, {name: array[:1] for name, array in classifier.arrays.items()})
    paths = {name: file.parent / f"{name}.npy" for name in raw}
    for name, array in raw.items():
        np.save(paths[name], array)
    return file, paths


@pytest.mark.parametrize("runtime", INSTALLED)
def test_what_is_timed_is_what_a_session_computes(exported: tuple[Path, dict[str, Path]], runtime: str) -> None:
    file, inputs = exported
    timed = RUNTIMES.get(runtime).time(file, inputs, 1, 20, (0,))
    assert len(timed.milliseconds) == 20
    assert min(timed.milliseconds) > 0
    assert timed.load_ms > 0
    assert timed.peak_bytes > timed.idle_bytes > 2**20
    session = RUNTIMES.get(runtime).open(file, 1)
    assert timed.outputs_sha256 == outputs_digest(session.run({name: np.load(path) for name, path in inputs.items()}))
    session.close()


@pytest.mark.parametrize("runtime", INSTALLED)
def test_every_operation_is_timed_and_named(exported: tuple[Path, dict[str, Path]], runtime: str) -> None:
    file, inputs = exported
    rows = RUNTIMES.get(runtime).profile(file, inputs, 1, 5)
    assert [row.name for row in rows][:2] == ["PAD", "CONV_2D"]
    assert [row.layer for row in rows][1:4] == ["stem.0", "left.0.depth_wise", "left.0.point_wise"]
    assert all(row.median_ms > 0 and row.runs == 5 for row in rows)


def test_a_decoded_weight_is_timed_with_its_operation(classifier: Workbench, tmp_path: Path) -> None:
    import sys

    file, _ = classifier.quantized("profile-fp16", "fp16", "float32", "nhwc")
    np.save(tmp_path / "image.npy", np.ascontiguousarray(classifier.arrays["image"][:1].transpose(0, 2, 3, 1)))
    report = profile_in_child(Path(sys.executable), file, {"image": tmp_path / "image.npy"}, 1, 5)
    assert "DEQUANTIZE" not in {row.name for row in report.operations}
    assert len(report.operations) == 10
    assert report.whole_ms > 0
    assert 0.1 < report.ratio < 10, "operations of microseconds, each with a call of its own"


def test_layer_errors_follow_the_layers(classifier: Workbench) -> None:
    rows = {}
    for dtype, io in (("fp32", "float32"), ("int8", "uint8")):
        file, _ = classifier.quantized(f"diff-{dtype}", dtype, io, "nhwc")
        request = classifier.request(f"diff-{dtype}", dtype, io, "nhwc")
        rows[dtype] = FORMATS.get("tflite").layer_error(request, file, 4)
    layers = [
        *("stem.0", "left.0.depth_wise", "left.0.point_wise", "left.0"),
        *("right.0.depth_wise", "right.0.point_wise", "right.0", "pool", "fc"),
    ]
    assert [row.layer for row in rows["int8"]] == layers
    assert [row.layer for row in rows["fp32"]] == layers
    assert all(row.sqnr_db == float("inf") and row.samples == 4 for row in rows["fp32"])
    assert all(20 < row.sqnr_db < 60 for row in rows["int8"])
    assert rows["int8"][-1].kernel == "FULLY_CONNECTED"


def test_a_file_that_no_runtime_can_load_is_an_error_of_ours(tmp_path: Path, classifier: Workbench) -> None:
    (tmp_path / "text.tflite").write_bytes(b"not a model at all")
    with pytest.raises(ConfigError, match=r"text\.tflite is not a \.tflite file"):
        RUNTIMES.get("litert").open(tmp_path / "text.tflite", 1)
    with pytest.raises(ToolError, match=r"the runtime of .*text\.tflite ended with 1"):
        RUNTIMES.get("litert").time(tmp_path / "text.tflite", {}, 1, 1, ())


def test_a_missing_runtime_names_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import sys

    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert not environment_python().exists()
    assert RUNTIMES.get("tflite-runtime").version() is None
    with pytest.raises(ToolError) as caught:
        RUNTIMES.get("tflite-runtime").open(tmp_path / "model.tflite", 1)
    assert caught.value.remedy == "python -m edgebuild.runtime.tflite_runtime_install"
