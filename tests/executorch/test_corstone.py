"""Arm's Corstone model: it can be had from no registry, so that what is tested is our side.

The program on PATH is a stand-in that reads the model's command line as the firmware would, and writes what it is told.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebuild.bench.board.settings import BoardSettings
from edgebuild.bench.board.standalone import bench_file
from edgebuild.config.device import Device
from edgebuild.config.load import load_project, shipped_targets
from edgebuild.config.read_device import load_device
from edgebuild.config.registries import FORMATS, RUNTIMES, STAGES
from edgebuild.device.corstone import CorstoneOptions, model_command
from edgebuild.errors import ConfigError, DeviceError, ToolError
from edgebuild.export.feed import to_raw
from edgebuild.export.format import ExportRequest, read_export
from edgebuild.graph.board import add_board_stage
from edgebuild.graph.graph import Graph
from edgebuild.graph.stage import Stage, StageContext
from edgebuild.progress import Silent
from edgebuild.runtime import tosa_install, vela_install

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = "FVP_Corstone_SSE-300_Ethos-U55"
STAND_IN = """\
#!{python}
import pathlib, shutil, sys
if sys.argv[1:] == ["--version"]:
    sys.exit(print("Fast Models [11.27.42 (Aug 29 2024)]"))
given = dict(part.split("=", 1) for part in sys.argv[1:] if "=" in part)
folder = pathlib.Path(given["cpu0.semihosting-cwd"])
line = given["cpu0.semihosting-cmd_line"].split()
assert line[:5] == ["executor_runner", "-m", "program.pte", "-o", "out"], line
sample = (folder / line[6]).read_bytes()
assert (folder / "program.pte").read_bytes()[4:8] == b"ET12"
outputs = pathlib.Path({outputs!r})
if not outputs.exists():
    sys.exit("E: Hard fault")
number = (outputs / "inputs").read_bytes().index(sample) // len(sample)
(folder / "out-0.bin").write_bytes((outputs / str(number)).read_bytes())
"""

needs_tools = pytest.mark.skipif(
    not (tosa_install.ENVIRONMENT.python.exists() and vela_install.ENVIRONMENT.python.exists())
    and not os.environ.get("CI"),
    reason=f"the tools of Ethos-U are not installed: {tosa_install.COMMAND}; {vela_install.COMMAND}",
)


@pytest.fixture(scope="module")
def file(request_for: Callable[..., ExportRequest]) -> Path:
    """A network for an Ethos-U55-128 with int8 borders."""
    request = replace(request_for("residual", "int8", "nchw", "int8"), hardware={"accelerator": "ethos-u55-128"})
    FORMATS.get("executorch-ethos-u").run(request)
    return request.output / "model.pte"


@pytest.fixture
def device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Device:
    """The stand-in on PATH, and a firmware that it does not look at; it fails unless `outputs` says what to give."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / PROGRAM
    program.write_text(STAND_IN.format(python=sys.executable, outputs=str(tmp_path / "outputs")))
    program.chmod(0o755)
    (tmp_path / "runner.elf").write_bytes(b"\x7fELF")
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return Device(name="model", transport="corstone", options={"runner": str(tmp_path / "runner.elf")})


def give(tmp_path: Path, file: Path, wrong: int, samples: np.ndarray | None = None) -> Path:
    """Write what the stand-in gives for some samples: the outputs of the reference model, `wrong` numbers changed."""
    if samples is None:
        samples = np.random.default_rng(2).integers(-128, 128, (3, 1, 3, 8, 8), dtype=np.int8)
    session = RUNTIMES.get("tosa-reference").open(file, 1)
    (tmp_path / "outputs").mkdir()
    (tmp_path / "outputs" / "inputs").write_bytes(samples.tobytes())
    for number, sample in enumerate(samples):
        scores = session.run({"image": sample})["scores"].copy()
        if number == 0:
            scores.flat[:wrong] ^= 1
        (tmp_path / "outputs" / str(number)).write_bytes(scores.tobytes())
    session.close()
    np.save(tmp_path / "image.npy", samples[:, 0])
    return tmp_path / "image.npy"


def test_the_command_line_is_the_one_of_arms_documents(tmp_path: Path) -> None:
    command = model_command(CorstoneOptions(runner="fw.elf"), tmp_path, "executor_runner -m p.pte", 60)
    assert command[0] == PROGRAM
    assert "ethosu.num_macs=128" in command
    assert "cpu0.semihosting-cmd_line=executor_runner -m p.pte" in command
    assert command[-4:] == ["-a", "fw.elf", "--timelimit", "60"]
    large = model_command(CorstoneOptions(accelerator="ethos-u85-256"), tmp_path, "x", 60)
    assert large[0] == "FVP_Corstone_SSE-320"
    assert "mps4_board.subsystem.ethosu.num_macs=256" in large


@needs_tools
def test_without_the_model_it_says_where_to_get_it(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    with pytest.raises(ToolError, match=f"{PROGRAM} is not on PATH") as raised:
        bench_file(file, load_device("corstone-300", ROOT), (), BoardSettings())
    assert "from Arm" in (raised.value.remedy or "")


@needs_tools
def test_outputs_that_are_those_of_the_reference_model_are_exact(file: Path, device: Device, tmp_path: Path) -> None:
    record = bench_file(file, device, [give(tmp_path, file, wrong=0)], BoardSettings())
    assert [(one["name"], one["value"]) for one in record["figures"]] == [("device_equal_outputs", 100.0)]
    assert [finding["severity"] for finding in record["findings"]] == ["note"]


@needs_tools
def test_one_wrong_number_is_found(file: Path, device: Device, tmp_path: Path) -> None:
    record = bench_file(file, device, [give(tmp_path, file, wrong=1)], BoardSettings())
    (finding,) = record["findings"]
    assert (finding["code"], finding["severity"]) == ("device-outputs-differ", "fatal")
    assert "1 of 15 numbers differ" in finding["message"]


PROJECT = """\
name: net
model: {factory: "zoo:residual", outputs: [scores]}
data: {function: "zoo:residual"}
metric: accuracy
train: {epochs: 1}
targets:
  - extends: ethos-u55-128-executorch
    target: net
    device: model
"""
DEVICE = """\
name: model
transport: corstone
options: {{accelerator: {accelerator}, runner: {runner}}}
"""


def in_a_build(file: Path, root: Path, accelerator: str = "ethos-u55-128") -> dict[str, Any]:
    """What the stage of a target with such a device writes, for the validation samples that the file was made with."""
    for folder in ("devices", "output", "verify", "data"):
        (root / folder).mkdir(exist_ok=True)
    (root / "zoo.py").touch()
    (root / "edgebuild.yaml").write_text(PROJECT)
    told = DEVICE.format(accelerator=accelerator, runner=root / "runner.elf")
    (root / "devices" / "model.yaml").write_text(told)
    for part in file.parent.with_name("data").iterdir():
        shutil.copyfile(part, root / "data" / part.name)
    count = len(np.load(root / "data" / "validation.image.npy"))
    np.save(root / "data" / "validation.target.npy", np.zeros(count, np.int64))
    np.save(root / "verify" / "validation.scores.npy", np.eye(count, 5, dtype=np.float32))
    project, graph = load_project(root), Graph()
    graph.add(Stage("export", "export", {}))
    add_board_stage(graph, project, project.targets[0], {"export": "export"})
    stage = next(stage for stage in graph if stage.kind == "board")
    inputs = {"export": file.parent, "data": root / "data", "verify": root / "verify"}
    STAGES.get("board").run(StageContext(stage, inputs, root / "output", root, Silent()))
    facts = json.loads((root / "output" / "board.json").read_text())
    return {**facts, "gate": STAGES.get("board").gate(root / "output")}


def validation(file: Path) -> np.ndarray:
    """The validation samples as the file takes them."""
    samples = np.load(file.parent.with_name("data") / "validation.image.npy")
    return to_raw(read_export(file.parent), {"image": samples})["image"]


@needs_tools
@pytest.mark.parametrize("wrong", [0, 1])
def test_a_build_runs_its_file_in_the_model(file: Path, device: Device, tmp_path: Path, wrong: int) -> None:
    give(tmp_path, file, wrong=wrong, samples=validation(file)[:, None])
    assert device.transport == "corstone"
    found = in_a_build(file, tmp_path)
    assert found["conditions"]["before"]["accelerator"] == "ethos-u55-128"
    figures = {figure["name"]: (figure["value"], figure["kind"]) for figure in found["figures"]}
    assert (figures["device_equal_outputs"][0] == 100) == (wrong == 0)
    assert figures["device_accuracy"][1] == "emulated"
    assert (found["gate"] is None) == (wrong == 0)


@needs_tools
def test_a_build_without_the_model_or_the_firmware_goes_on_and_says_so(
    file: Path, device: Device, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert device.transport == "corstone"
    (tmp_path / "runner.elf").unlink()
    (note,) = in_a_build(file, tmp_path)["findings"]
    assert (note["code"], note["severity"]) == ("device-not-run", "note")
    assert note["message"].startswith("not run on model: device 'model': no firmware")
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    (note,) = in_a_build(file, tmp_path)["findings"]
    assert f"{PROGRAM} is not on PATH" in note["message"]
    with pytest.raises(ConfigError, match="'model' emulates ethos-u65-256, the profile compiles for ethos-u55-128"):
        in_a_build(file, tmp_path, accelerator="ethos-u65-256")


@needs_tools
def test_a_firmware_that_fails_is_told_in_its_words(file: Path, device: Device) -> None:
    with pytest.raises(DeviceError, match="Hard fault"):
        bench_file(file, device, (), BoardSettings())


@needs_tools
def test_a_missing_firmware_and_another_device_are_refused(file: Path, device: Device) -> None:
    lost = device.model_copy(update={"options": {"runner": "nowhere.elf"}})
    with pytest.raises(DeviceError, match=r"no firmware nowhere\.elf"):
        bench_file(file, lost, (), BoardSettings())
    with pytest.raises(ConfigError, match="device 'host' is none"):
        bench_file(file, load_device("host", ROOT), (), BoardSettings())
    assert "ethos-u55-128-executorch" in shipped_targets()
