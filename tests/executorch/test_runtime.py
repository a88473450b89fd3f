"""The executorch runtime: sessions, timing, profiles and layer errors, on the real kernels."""

from __future__ import annotations

import hashlib
import math
import os
from pathlib import Path

import numpy as np
import pytest

from edgebuild.config.registries import FORMATS, RUNTIMES
from edgebuild.errors import ConfigError, EdgebuildError, ToolError
from edgebuild.export.executorch.layer_error import layer_error
from edgebuild.runtime import executorch_build
from edgebuild.runtime.executorch_build import build_runner
from edgebuild.runtime.session import Runtime
from tests.executorch.workshop import Export, Exported, outputs


@pytest.fixture(scope="module")
def runtime() -> Runtime:
    found: Runtime = RUNTIMES.get("executorch")
    return found


def _saved(exported: Exported, folder: Path) -> dict[str, Path]:
    np.save(folder / "image.npy", exported.fed()[:4])
    return {"image": folder / "image.npy"}


def test_session_is_quick_enough_for_a_validation_set(runtime: Runtime, export: Export) -> None:
    exported = export("residual", "int8")
    session = runtime.open(exported.file, 1)
    fed = exported.fed()
    first = session.run({"image": fed[:1]})["scores"]
    for _ in range(2000):
        last = session.run({"image": fed[:1]})["scores"]
    session.close()
    session.close()
    assert last.tobytes() == first.tobytes()


def test_threads_do_not_change_int8(runtime: Runtime, export: Export) -> None:
    exported = export("residual", "int8")
    session = runtime.open(exported.file, 2)
    assert session.run({"image": exported.fed()[:1]})["scores"].tobytes() == outputs(exported)[:1].tobytes()
    session.close()


def test_wrong_arrays_are_refused(runtime: Runtime, export: Export) -> None:
    session = runtime.open(export("residual", "int8").file, 1)
    good = np.zeros((1, 3, 8, 8), "float32")
    for wrong, message in (
        ({"image": good.astype("float64")}, r"input image is float64\[1, 3, 8, 8\], expected float32\[1, 3, 8, 8\]"),
        ({"image": good[:, :1]}, r"expected float32\[1, 3, 8, 8\]"),
        ({"picture": good}, "inputs given: picture; expected: image"),
    ):
        with pytest.raises(ConfigError, match=message):
            session.run(wrong)
    assert session.run({"image": good})["scores"].shape == (1, 5)
    session.close()


def test_file_the_runtime_does_not_take(runtime: Runtime, export: Export, tmp_path: Path) -> None:
    data = bytearray(export("residual", "int8").file.read_bytes())
    damaged = tmp_path / "damaged.pte"
    start = data.index(b"XnnpackBackend")
    data[start : start + 14] = b"UnknownBackend"
    damaged.write_bytes(data)
    with pytest.raises(ConfigError, match="does not load"):
        runtime.open(damaged, 1)


def test_timing_is_measured_in_its_own_process(runtime: Runtime, export: Export, tmp_path: Path) -> None:
    exported = export("residual", "int8")
    cpu = min(os.sched_getaffinity(0))
    timed = runtime.time(exported.file, _saved(exported, tmp_path), 1, 25, (cpu,))
    assert len(timed.milliseconds) == 25
    assert all(value > 0 for value in timed.milliseconds)
    assert timed.load_ms > 0
    assert 0 < timed.idle_bytes < timed.peak_bytes < 2**26  # no Python, no torch in there
    # 25 runs over 4 samples end at the first one again.
    assert timed.outputs_sha256 == hashlib.sha256(outputs(exported)[0].tobytes()).hexdigest()


def test_timing_says_what_does_not_fit(runtime: Runtime, export: Export, tmp_path: Path) -> None:
    exported = export("residual", "int8")
    with pytest.raises(ConfigError, match=r"CPUs \[4095\] cannot be used"):
        runtime.time(exported.file, _saved(exported, tmp_path), 1, 1, (4095,))
    np.save(tmp_path / "short.npy", np.zeros(7, "float32"))
    with pytest.raises(ToolError, match="expected a multiple of 768"):
        runtime.time(exported.file, {"image": tmp_path / "short.npy"}, 1, 1, ())
    with pytest.raises(ConfigError, match="inputs given: other; expected: image"):
        runtime.time(exported.file, {"other": tmp_path / "short.npy"}, 1, 1, ())


def test_profile_names_every_layer(runtime: Runtime, export: Export, tmp_path: Path) -> None:
    exported = export("normed", "int8")
    rows = runtime.profile(exported.file, _saved(exported, tmp_path), 1, 10)
    by_layer = {row.layer: row.name for row in rows}
    assert by_layer["wide.0"].startswith("Convolution")
    assert "DWConv" in by_layer["deep"]
    assert by_layer["down"].startswith("Max Pooling")
    assert by_layer["norm"] == "native_layer_norm.out"
    assert None not in by_layer
    assert all(row.runs == 10 and row.median_ms >= 0 for row in rows)
    assert sum(row.median_ms for row in rows) > 0


@pytest.mark.parametrize(("dtype", "layout"), [("int8", "nhwc"), ("int8-dynamic", "nchw")])
def test_layer_error_has_every_layer_of_the_real_file(export: Export, dtype: str, layout: str) -> None:
    exported = export("residual", dtype, layout)
    rows = layer_error(exported.request, exported.file, 4)
    assert [row.layer for row in rows] == ["stem.0", "deep", "add", "down", "wide.0", "pool", "head"]
    assert [row.kernel for row in rows][:3] == ["XNNConv2d", "XNNDepthwiseConv2d", "XNNAdd"]
    assert all(row.samples == 4 and row.sqnr_db > 25 for row in rows)
    if dtype == "int8-dynamic":
        assert rows[1].sqnr_db > rows[0].sqnr_db - 10
    assert math.isfinite(rows[-1].sqnr_db)


def test_layer_error_refuses_another_file(export: Export) -> None:
    with pytest.raises(EdgebuildError, match="gives another scores than the exported file"):
        layer_error(export("residual", "int8").request, export("residual", "fp32").file, 1)


def test_missing_compiler_names_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executorch_build, "FLAGS", (*executorch_build.FLAGS, "-DANOTHER_BINARY"))
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(ToolError) as caught:
        build_runner()
    assert caught.value.remedy == "apt-get install g++"


def test_registration(runtime: Runtime) -> None:
    assert runtime.version() == "1.5.1"
    assert FORMATS.get("executorch").runtime == "executorch"
