"""The program of the Linux package, run as a user runs it, on a model exported for real."""

from __future__ import annotations

import importlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgebuild.config.registries import FORMATS, RUNTIMES, STEPS
from edgebuild.export.format import ExportRequest
from edgebuild.model.data_folder import DataSummary, InputSpec
from edgebuild.model.model_folder import ModelRecord
from edgebuild.progress import Silent
from tests.package.exports import pack

NETWORK = """
from torch import nn

def build():
    return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 8 * 8, 10))
"""

NORMALIZATION = InputSpec("image", (1, 8, 8), "float32", scale=0.0625, mean=(0.5,), std=(0.25,))


@pytest.fixture(scope="module")
def raw() -> np.ndarray:
    """Pixels 0 to 16, as a camera would give them: [n, 8, 8, 1]."""
    return np.random.default_rng(3).integers(0, 17, (40, 8, 8, 1)).astype(np.uint8)


@pytest.fixture(scope="module")
def package(raw: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package of a small network, quantized to int8 with calibration on `raw`."""
    root = tmp_path_factory.mktemp("project")
    folders = {name: root / name for name in ("data", "float", "quantized", "export")}
    for folder in folders.values():
        folder.mkdir()
    _write_data(folders["data"], raw)
    _write_model(folders["float"], root)
    _quantize(folders, root)
    request = ExportRequest(
        folders["quantized"], folders["data"], folders["export"], root, "int8", "int8", "nhwc", {}, 0, Silent()
    )
    FORMATS.get("tflite").run(request)
    manifest = {"project": "digits", "normalization": {"image": {"scale": 0.0625, "mean": [0.5], "std": [0.25]}}}
    return pack("linux", folders["export"], root / "package", manifest=manifest)


def _write_data(folder: Path, raw: np.ndarray) -> None:
    values = ((raw.astype(np.float32) * 0.0625 - 0.5) / 0.25).transpose(0, 3, 1, 2)
    for split in ("validation", "calibration"):
        np.save(folder / f"{split}.image.npy", values)
    np.save(folder / "validation.target.npy", np.zeros(len(raw), np.int64))
    summary = DataSummary((NORMALIZATION,), {"validation": len(raw), "calibration": len(raw)}, tuple("0123456789"))
    (folder / "data.json").write_text(json.dumps(summary.to_json()))


def _write_model(folder: Path, root: Path) -> None:
    import torch
    from safetensors.torch import save_file

    (root / "network.py").write_text(NETWORK)
    sys.path.insert(0, str(root))
    try:
        network = importlib.import_module("network")
    finally:
        sys.path.remove(str(root))
    torch.set_num_threads(1)
    torch.manual_seed(1)
    save_file(network.build().state_dict(), folder / "weights.safetensors")
    source = {"kind": "factory", "factory": "network:build", "kwargs": {}}
    ModelRecord(source, input_names=("image",), output_names=("scores",)).write(folder)


def _quantize(folders: dict[str, Path], root: Path) -> None:
    from edgebuild.compress.step import StepContext

    method = STEPS.get("quantize")
    context = StepContext(folders["float"], folders["data"], folders["quantized"], root, {}, 0, Silent())
    method.run(context, method.parameters())


def run_on_board(
    package: Path, *arguments: str, python: Path = Path(sys.executable)
) -> subprocess.CompletedProcess[str]:
    """Run the package's program from another folder."""
    command = [str(python), "-I", str(package / "run.py"), *arguments]
    return subprocess.run(command, cwd="/", capture_output=True, text=True)


def expected(package: Path, raw_image: np.ndarray) -> np.ndarray:
    """Scores of the packaged file through edgebuild's own runtime, as real numbers."""
    face = json.loads((package / "manifest.json").read_text())["interface"]
    given, got = face["inputs"][0], face["outputs"][0]
    real = (raw_image[None].astype(np.float32) * 0.0625 - 0.5) / 0.25
    stored = np.clip(np.round(real / given["scale"]) + given["zero_point"], -128, 127).astype(np.int8)
    session = RUNTIMES.get("litert").open(package / face["file"], 1)
    try:
        output = session.run({"image": stored})["scores"]
    finally:
        session.close()
    return np.asarray((output.astype(np.float64) - got["zero_point"]) * got["scale"], np.float32)


def test_raw_pixels_give_the_scores_of_the_builders_own_runtime(package: Path, raw: np.ndarray, tmp_path: Path) -> None:
    np.save(tmp_path / "image.npy", raw[7])
    completed = run_on_board(package, str(tmp_path / "image.npy"), "--raw", "--save", str(tmp_path / "out.npz"))
    assert completed.returncode == 0, completed.stderr
    scores = expected(package, raw[7])
    np.testing.assert_array_equal(np.load(tmp_path / "out.npz")["scores"], scores)
    assert completed.stdout.splitlines()[0].split()[0] == str(scores.argmax())
    assert "ms (second run, 1 thread)" in completed.stdout


def test_normalised_values_and_stored_values_give_the_same_scores(
    package: Path, raw: np.ndarray, tmp_path: Path
) -> None:
    face = json.loads((package / "manifest.json").read_text())["interface"]["inputs"][0]
    real = (raw[9].astype(np.float32) * 0.0625 - 0.5) / 0.25
    np.save(tmp_path / "real.npy", real)
    np.save(
        tmp_path / "stored.npy", np.clip(np.round(real / face["scale"]) + face["zero_point"], -128, 127).astype(np.int8)
    )
    results = []
    for name in ("real", "stored"):
        run_on_board(package, str(tmp_path / f"{name}.npy"), "--save", str(tmp_path / f"{name}.npz")).check_returncode()
        results.append(np.load(tmp_path / f"{name}.npz")["scores"])
    np.testing.assert_array_equal(results[0], expected(package, raw[9]))
    np.testing.assert_array_equal(results[0], results[1])


def test_a_wrong_shape_is_named_before_anything_runs(package: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "image.npy", np.zeros((4, 4), np.float32))
    completed = run_on_board(package, str(tmp_path / "image.npy"))
    assert completed.returncode == 1
    assert "shape (4, 4), but input 'image' is (1, 8, 8, 1)" in completed.stderr


def test_the_program_needs_nothing_of_edgebuild(package: Path) -> None:
    assert "import edgebuild" not in (package / "run.py").read_text()
    assert "from edgebuild" not in (package / "run.py").read_text()


def test_the_old_runtime_of_32_bit_boards_gives_the_same_class(package: Path, raw: np.ndarray, tmp_path: Path) -> None:
    old = Path(sys.prefix) / "runtimes" / "tflite-runtime-2.14.0" / "bin" / "python"
    if not old.exists():
        pytest.skip("tflite-runtime 2.14 is not installed: python -m edgebuild.runtime.tflite_runtime_install")
    board = tmp_path / "board"
    shutil.copytree(package, board)
    np.save(tmp_path / "image.npy", raw[3])
    completed = run_on_board(board, str(tmp_path / "image.npy"), "--raw", python=old)
    assert completed.returncode == 0, completed.stderr
    assert completed.stdout.split()[0] == str(expected(package, raw[3]).argmax())
