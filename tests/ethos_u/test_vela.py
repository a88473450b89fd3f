"""Ethos-U through the real Vela: its figures, what it leaves on the CPU, its names, its refusals."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from edgebuild.check.accelerators.accelerator import JudgeRequest
from edgebuild.check.accelerators.ethos_u.configurations import CONFIG_FILE, FAMILIES
from edgebuild.check.accelerators.ethos_u.report import EthosUReport
from edgebuild.cli.inspect import inspect
from edgebuild.config.load import load_target
from edgebuild.config.registries import ACCELERATORS
from edgebuild.errors import ConfigError, ToolError
from edgebuild.graph.collect import judge_budgets
from edgebuild.runtime.vela_install import COMMAND, ENVIRONMENT
from tests.edge_tpu.files import Net, image

needs_vela = pytest.mark.skipif(
    not ENVIRONMENT.python.exists() and not os.environ.get("CI"), reason=f"Vela is not installed: {COMMAND}"
)


def classifier(folder: Path, middle: str = "RELU") -> Path:
    """A small full-integer network with one operation of choice in its middle."""
    net = Net()
    x = net.convolution(image(net, (1, 16, 16, 4)), 16)
    x = net.operation(middle, [x], [net.tensor((1, 16, 16, 16))], 2 if middle == "RELU" else 1)
    x = net.convolution(x, 8)
    return net.write(folder / "net.tflite", x)


def judge(file: Path, accelerator: str = "ethos-u55-128", output: Path | None = None, **hardware: str) -> EthosUReport:
    report = ACCELERATORS.get(accelerator).judge(JudgeRequest(file, hardware, output))
    assert isinstance(report, EthosUReport)
    return report


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> EthosUReport:
    """What Vela says of the classifier, compiled once."""
    return judge(classifier(tmp_path_factory.mktemp("classifier")))


@needs_vela
def test_its_figures_are_labelled_as_its_estimates(report: EthosUReport) -> None:
    figures = {figure.name: figure for figure in report.figures}
    assert {figure.kind for figure in figures.values()} == {"estimated"}
    for name in ("latency", "cycles", "ram", "flash"):
        assert figures[name].value
        assert "estimated by Vela 5.1.0 for ethos-u55-128, Ethos_U55_High_End_Embedded" in figures[name].provenance
    assert figures["latency"].value == pytest.approx(figures["cycles"].value / report.result.clock_hz * 1000)
    assert report.findings == ()


@needs_vela
def test_its_layers_are_listed_with_their_work(report: EthosUReport) -> None:
    layers = report.result.layers
    assert sum(layer.macs for layer in layers) == 16 * 16 * 9 * (4 * 16 + 16 * 8)
    assert {layer.target for layer in layers} == {"NPU"}
    assert sum(layer.cycles for layer in layers) > 0


@needs_vela
def test_its_file_is_kept_and_runs_on_the_accelerator(tmp_path: Path) -> None:
    output = tmp_path / "kept"
    output.mkdir()
    report = judge(classifier(tmp_path), output=output)
    assert [path.name for path in output.iterdir()] == ["net_vela.tflite"]
    assert b"ethos-u" in (output / "net_vela.tflite").read_bytes()
    assert report.on_cpu == ()


@needs_vela
def test_what_stays_on_the_core_is_named(tmp_path: Path) -> None:
    report = judge(classifier(tmp_path, middle="FLOOR"))
    assert [operation.name for operation in report.on_cpu] == ["FLOOR"]
    (finding,) = report.findings
    assert (finding.code, finding.severity) == ("unsupported-op", "fatal")
    assert finding.message.startswith("Vela 5.1.0 leaves 1 operation on the CPU: 1 FLOOR")


@needs_vela
def test_a_file_of_which_nothing_runs_there_has_no_figures_and_meets_no_budget(tmp_path: Path) -> None:
    net = Net()
    x = image(net, dtype="float32")
    file = net.write(tmp_path / "net.tflite", net.operation("RELU", [x], [net.tensor((1, 8, 8, 4), "float32")]))
    report = judge(file)
    assert {figure.name for figure in report.figures if figure.missing} == {"latency", "cycles", "ram", "flash"}
    assert {figure.provenance for figure in report.figures} == {"nothing of the file runs on the accelerator"}
    target = load_target("ethos-u55-128")
    judged = {one.name: one.met for one in judge_budgets(target, list(report.figures), higher_is_better=True)}
    assert (judged["ram"], judged["flash"]) == (None, None)


@needs_vela
def test_a_file_that_is_compiled_already_is_not_compiled_again(tmp_path: Path) -> None:
    output = tmp_path / "kept"
    output.mkdir()
    judge(classifier(tmp_path), output=output)
    for accelerator in ("ethos-u55-128", "ethos-u85-256", "edge-tpu"):
        with pytest.raises(ConfigError, match=r"net_vela\.tflite is compiled already, by Vela") as raised:
            ACCELERATORS.get(accelerator).judge(JudgeRequest(output / "net_vela.tflite"))
        assert raised.value.remedy == "name the file that it was compiled from"


@needs_vela
def test_more_multipliers_take_fewer_cycles(tmp_path: Path, report: EthosUReport) -> None:
    assert judge(classifier(tmp_path), "ethos-u55-256").result.cycles < report.result.cycles


@needs_vela
def test_budgets_on_sram_and_flash_are_judged(report: EthosUReport) -> None:
    target = load_target("ethos-u55-128")
    tight = target.model_copy(update={"budgets": target.budgets.model_copy(update={"ram": 1024.0})})
    met = {one.name: one.met for one in judge_budgets(target, list(report.figures), higher_is_better=True)}
    missed = {one.name: one.met for one in judge_budgets(tight, list(report.figures), higher_is_better=True)}
    assert (met["ram"], met["flash"], missed["ram"]) == (True, True, False)


@needs_vela
def test_every_name_is_one_of_velas(tmp_path: Path) -> None:
    """The names of our table are sections of Vela's own file, and every shipped profile compiles with its own."""
    (folder,) = ENVIRONMENT.folder.glob("lib/python*/site-packages/ethosu/config_files")
    text = (folder / CONFIG_FILE).read_text()
    for family in FAMILIES.values():
        assert all(f"[System_Config.{name}]" in text for name in family.systems)
        assert all(f"[Memory_Mode.{name}]" in text for name in family.modes)
    file = classifier(tmp_path)
    for name in FAMILIES:
        hardware = load_target(name).hardware
        report = judge(file, name, system_config=hardware.system_config or "", memory_mode=hardware.memory_mode or "")
        assert report.result.cycles > 0


def test_a_name_that_vela_has_not_is_refused_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as raised:
        judge(classifier(tmp_path), memory_mode="Shared_SRAM")
    assert raised.value.message == (
        "hardware.memory_mode: Vela has no 'Shared_SRAM' for ethos-u55-128; did you mean 'Shared_Sram'?"
    )
    with pytest.raises(ConfigError, match=r"hardware\.system_config: Vela has no 'Ethos_U65_High_End' for ethos-u55"):
        judge(classifier(tmp_path), system_config="Ethos_U65_High_End")


def test_a_broken_file_is_refused_before_vela_sees_it(tmp_path: Path) -> None:
    file = tmp_path / "net.tflite"
    file.write_bytes(classifier(tmp_path).read_bytes()[:500])
    with pytest.raises(ConfigError, match=r"net\.tflite is damaged"):
        judge(file)


@needs_vela
def test_what_vela_refuses_is_told_in_its_words(tmp_path: Path) -> None:
    net = Net()
    x = image(net, (1, 0, 8, 4))
    with pytest.raises(ToolError, match=r"Vela 5\.1\.0 does not compile net\.tflite for ethos-u55-128; it said: "):
        judge(net.write(tmp_path / "net.tflite", net.convolution(x, 4)))


@needs_vela
def test_inspect_prints_it(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(inspect)
    file = str(classifier(tmp_path))
    page = CliRunner().invoke(app, [file, "-t", "ethos-u65-256"], env={"COLUMNS": "160"})
    assert page.exit_code == 0
    assert "estimated by Vela" in page.stdout
    assert "Conv2D" in page.stdout
    facts = json.loads(CliRunner().invoke(app, [file, "-t", "ethos-u65-256", "--json"]).stdout)
    assert facts["vela"]["configuration"]["mode"] == "Dedicated_Sram"
