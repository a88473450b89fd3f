"""`edgebuild compile FILE --target ACCELERATOR`: the file as the compiler takes it, its report, budgets, errors."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from edgebuild.check.census.tflite import take_structure
from edgebuild.cli.compile import compile_file
from edgebuild.config.problem import InvalidConfigError
from edgebuild.errors import ConfigError
from edgebuild.runtime.vela_install import COMMAND, ENVIRONMENT
from tests.edge_tpu.files import Net, image

needs_vela = pytest.mark.skipif(
    not ENVIRONMENT.python.exists() and not os.environ.get("CI"), reason=f"Vela is not installed: {COMMAND}"
)


def run(*arguments: str) -> tuple[int, dict[str, Any]]:
    """Exit code and facts of `edgebuild compile … --json`; errors are raised."""
    app = typer.Typer()
    app.command()(compile_file)
    done = CliRunner().invoke(app, [*arguments, "--json"], catch_exceptions=False)
    return done.exit_code, json.loads(done.stdout)


def net(folder: Path, *, version: int = 3, middle: str = "RELU") -> Path:
    built = Net()
    x = built.convolution(image(built), 8, version=version)
    x = built.operation(middle, [x], [built.tensor((1, 8, 8, 8))], 2 if middle == "RELU" else 1)
    return built.write(folder / "net.tflite", built.convolution(x, 4))


def test_a_version_that_the_compiler_has_not_is_lowered_in_the_file_that_is_made(tmp_path: Path) -> None:
    source = net(tmp_path, version=6)
    code, facts = run(str(source), "-t", "edge-tpu", "-o", str(tmp_path / "out"))
    assert (code, facts["passed"], facts["findings"]) == (0, True, [])
    assert facts["lowered"] == ["CONV_2D 6 -> 3"]
    assert "equal bits" in facts["proof"]
    assert facts["files"] == ["accelerator.json", "net.tflite"]
    made = take_structure((tmp_path / "out" / "net.tflite").read_bytes(), "net.tflite")
    assert {one.version for one in made.operations if one.name == "CONV_2D"} == {3}
    assert json.loads((tmp_path / "out" / "accelerator.json").read_text()) == facts["report"]
    assert facts["report"]["mapped"] == len(made.operations)


def test_what_stays_on_the_cpu_is_a_finding_and_ends_with_1(tmp_path: Path) -> None:
    code, facts = run(str(net(tmp_path, middle="HARD_SWISH")), "-t", "edge-tpu", "-o", str(tmp_path / "out"))
    assert (code, facts["passed"]) == (1, False)
    (finding,) = facts["findings"]
    assert finding["code"] == "unsupported-op"
    assert "2 of 3 operations would run on the CPU" in finding["message"]
    assert "HARD_SWISH" in finding["message"]


def test_a_profile_may_allow_it(tmp_path: Path) -> None:
    profile = tmp_path / "mine.yaml"
    profile.write_text("extends: edge-tpu\ntarget: mine\nallow: [unsupported-op]\n")
    code, facts = run(str(net(tmp_path, middle="HARD_SWISH")), "-t", str(profile), "-o", str(tmp_path / "out"))
    assert (code, [finding["severity"] for finding in facts["findings"]]) == (0, ["allowed"])


def test_the_budgets_of_the_profile_are_judged(tmp_path: Path) -> None:
    profile = tmp_path / "tight.yaml"
    profile.write_text("extends: edge-tpu\ntarget: tight\nbudgets: {size: 1 KiB}\n")
    code, facts = run(str(net(tmp_path)), "-t", str(profile), "-o", str(tmp_path / "out"))
    assert (code, [(one["name"], one["met"]) for one in facts["budgets"]]) == (1, [("size", False)])


@needs_vela
def test_vela_s_file_lies_beside_the_plain_one(tmp_path: Path) -> None:
    source = net(tmp_path)
    code, facts = run(str(source), "-t", "ethos-u55-128", "-o", str(tmp_path / "out"))
    assert (code, facts["passed"], facts["lowered"]) == (0, True, [])
    assert facts["files"] == ["accelerator.json", "net.tflite", "net_vela.tflite"]
    assert b"ethos-u" in (tmp_path / "out" / "net_vela.tflite").read_bytes()
    assert {one["name"]: one["met"] for one in facts["budgets"]} == {"flash": True, "ram": True}
    assert facts["report"]["vela"]["cycles"] > 0


@needs_vela
def test_people_see_figures_budgets_and_files(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(compile_file)
    arguments = [str(net(tmp_path, middle="FLOOR")), "-t", "ethos-u55-128", "-o", str(tmp_path / "out")]
    page = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
    assert page.exit_code == 1
    for words in ("estimated by Vela", "✗ unsupported-op: Vela", "1 FLOOR", "✓ ram: ", "net_vela.tflite"):
        assert words in page.stdout


def test_the_model_itself_is_not_overwritten(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"net\.tflite there is the model itself"):
        run(str(net(tmp_path, version=6)), "-t", "edge-tpu", "-o", str(tmp_path))


def test_options_of_the_compiler_to_c_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="--run and --input are for a target that is compiled to C"):
        run(str(net(tmp_path)), "-t", "edge-tpu", "--run")


def test_a_broken_file_is_refused_and_leaves_nothing(tmp_path: Path) -> None:
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(net(tmp_path).read_bytes()[:300])
    with pytest.raises(ConfigError, match=r"broken\.tflite is damaged"):
        run(str(broken), "-t", "edge-tpu", "-o", str(tmp_path / "out"))
    with pytest.raises(ConfigError, match=r"broken\.tflite is damaged"):
        run(str(broken), "-t", "ethos-u55-128", "-o", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


def test_an_accelerator_that_nobody_knows_is_not_compiled_to_c_instead(tmp_path: Path) -> None:
    profile = tmp_path / "own.yaml"
    profile.write_text("target: own\nextends: ethos-u55-128\nhardware: {accelerator: coral}\n")
    with pytest.raises(InvalidConfigError, match=r"own\.yaml:3:25: .* unknown accelerator 'coral'; known: edge-tpu, "):
        run(str(net(tmp_path)), "-t", str(profile), "-o", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("target", ["edge-tpu", "ethos-u55-128"])
def test_a_file_that_is_compiled_already_is_refused_before_anything_is_written(target: str, tmp_path: Path) -> None:
    built = Net()
    source = built.write(tmp_path / "a_edgetpu.tflite", built.custom("edgetpu-custom-op", image(built), (1, 8, 8, 4)))
    with pytest.raises(ConfigError, match=r"a_edgetpu\.tflite is compiled already, by edgetpu_compiler: "):
        run(str(source), "-t", target, "-o", str(tmp_path / "out"))
    assert not (tmp_path / "out").exists()
