"""The examples of docs/extending.md: put into a copy of edgebuild, found by its registries, and used for real."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project.pages import ROOT, files_of

PROJECT = """
name: small
model: {factory: "net:build", inputs: [image], outputs: [scores]}
data: {function: "net:load_data", classes: [dark, bright]}
metric: accuracy
train: {epochs: 2}
targets:
  - extends: raspberry-pi-4
    target: board
    budgets: {accuracy_drop: 5}
    plan:
      - magnitude: {share: 0.6}
      - quantize: {kind: static}
    package: {kind: archive}
"""

NET = """
import numpy as np
from torch import nn

def build():
    return nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 2))

def load_data():
    random = np.random.default_rng(0)
    labels = random.integers(0, 2, 400)
    images = random.normal(labels[:, None, None, None], 0.5, (400, 1, 8, 8)).astype("float32")
    return {"train": (images[:200], labels[:200]), "validation": (images[200:], labels[200:])}
"""

PROGRAM_AT_WORK = """
import sys
from pathlib import Path

import numpy as np

from edgebuild.config.registries import FORMATS, RUNTIMES
from edgebuild.export.format import ExportRequest, read_export
from edgebuild.progress import Silent


def main():
    model, data, output, root = map(Path, sys.argv[1:])
    FORMATS.get("program").run(ExportRequest(model, data, output, root, "fp32", "float32", "nchw", {}, 0, Silent()))
    record = read_export(output)
    image = np.load(data / "validation.image.npy")[:1]
    np.save(output / "image.npy", image)
    runtime = RUNTIMES.get(FORMATS.get("program").runtime)
    session = runtime.open(output / record.file, 1)
    scores = session.run({"image": image})["scores"]
    session.close()
    assert scores.shape == record.outputs[0].shape == (1, 2)
    run = runtime.time(output / record.file, {"image": output / "image.npy"}, 1, 5, ())
    assert len(run.milliseconds) == 5
    assert run.peak_bytes >= run.idle_bytes > 0


if __name__ == "__main__":
    main()
"""


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a copy of edgebuild that has the page's files in it."""
    folder = tmp_path_factory.mktemp("extended")
    shutil.copytree(ROOT / "edgebuild", folder / "edgebuild", ignore=shutil.ignore_patterns("__pycache__"))
    for shipped in ("targets", "devices"):
        shutil.copytree(ROOT / shipped, folder / shipped)
    for path, content in files_of("extending.md").items():
        (folder / path).write_text(content)
    return folder


def run_extended(extended: Path, folder: Path, *arguments: str) -> str:
    """Run the copy's Python; return its stdout."""
    environment = {**os.environ, "PYTHONPATH": str(extended)}
    command = [sys.executable, *arguments]
    completed = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert completed.returncode == 0, completed.stdout + completed.stderr
    return completed.stdout


@pytest.fixture(scope="module")
def built(extended: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, object]]:
    """A project built with the new step and the new package; its folder and the facts of the build."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "edgebuild.yaml").write_text(PROJECT)
    (folder / "net.py").write_text(NET)
    return folder, json.loads(run_extended(extended, folder, "-m", "edgebuild.cli.main", "build", "--json"))


def test_the_page_has_an_example_of_each_kind() -> None:
    folders = {Path(path).parts[1] for path in files_of("extending.md")}
    assert folders == {"compress", "export", "runtime", "device", "package"}


def test_the_examples_hold_to_the_style_of_the_project(extended: Path) -> None:
    files = [str(extended / path) for path in files_of("extending.md")]
    for check in (["check"], ["format", "--check"]):
        command = [str(Path(sys.executable).parent / "ruff"), *check, "--config", str(ROOT / "pyproject.toml"), *files]
        completed = subprocess.run(command, capture_output=True, text=True)
        assert completed.returncode == 0, completed.stdout


def test_a_new_step_takes_effect_in_the_exported_file_and_is_proved(built: tuple[Path, dict[str, object]]) -> None:
    manifest = json.loads((built[0] / "artifacts" / "board" / "manifest.json").read_text())
    proof = next(claim for claim in manifest["claims"] if claim["claim"]["step"] == "magnitude")
    assert proof["holds"], proof
    assert "weights in 2 tensors are zero" in proof["evidence"]


def test_a_new_package_is_delivered(built: tuple[Path, dict[str, object]]) -> None:
    package = built[0] / "artifacts" / "board"
    assert sorted(path.name for path in package.iterdir()) == ["manifest.json", "model.zip"]
    shutil.unpack_archive(package / "model.zip", package.parent / "unpacked")
    assert (package.parent / "unpacked" / "labels.txt").read_text() == "dark\nbright\n"


def test_new_keys_are_in_the_schema(extended: Path, tmp_path: Path) -> None:
    schema = run_extended(extended, tmp_path, "-m", "edgebuild.cli.main", "targets", "schema")
    assert "magnitude" in schema
    assert "share of each layer's weights that becomes zero" in schema


def test_a_new_format_and_a_new_runtime_work_together(
    extended: Path, built: tuple[Path, dict[str, object]], tmp_path: Path
) -> None:
    listing = run_extended(extended, built[0], "-m", "edgebuild.cli.main", "cache", "ls", "--json")
    store = built[0] / ".edgebuild" / "objects"
    latest = {item["stage"]: store / item["artifact"] for item in json.loads(listing)["artifacts"]}
    (tmp_path / "work.py").write_text(PROGRAM_AT_WORK)
    (tmp_path / "out").mkdir()
    run_extended(
        extended,
        tmp_path,
        "work.py",
        str(latest["baseline"]),
        str(latest["data"]),
        str(tmp_path / "out"),
        str(built[0]),
    )


def test_a_new_transport_runs_programs(extended: Path, tmp_path: Path) -> None:
    program = (
        "from edgebuild.config.registries import TRANSPORTS\n"
        "kind = TRANSPORTS.get('background')\n"
        "device = kind.open('quiet', kind.parameters(niceness=7))\n"
        "print(device.run(['nice'], timeout=10).stdout.decode().strip())\n"
        "device.close()\n"
    )
    assert run_extended(extended, tmp_path, "-c", program).strip() == str(os.nice(0) + 7)
