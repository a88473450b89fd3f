"""`edgebuild targets list`: what a build learns of each target here, and how, is what it does learn."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import get_args

import pytest
from typer.testing import CliRunner

from edgebuild.bench.firmware import figures as firmware
from edgebuild.check.accelerators.accelerator import JudgeRequest
from edgebuild.cli.targets import app
from edgebuild.config.load import load_target, shipped_targets
from edgebuild.config.registries import ACCELERATORS, CORES, TRANSPORTS
from edgebuild.device.corstone import CorstoneOptions
from edgebuild.device.qemu_board import Core
from edgebuild.estimate.arm.latency import ALL_CORES, NAMES
from edgebuild.graph.obtained import needs_hardware, obtained
from edgebuild.runtime.vela_install import ENVIRONMENT
from tests.edge_tpu.files import Net, image


def test_every_shipped_target_says_how_its_numbers_come_about() -> None:
    facts = json.loads(CliRunner().invoke(app, ["list", "--json"]).stdout)["targets"]
    assert [one["target"] for one in facts] == shipped_targets()
    for one in facts:
        assert one["obtained"]["accuracy"] == "measured"
        assert set(one["obtained"].values()) <= {"measured", "emulated", "estimated"}
        assert "latency" in one["needs_hardware"]
        assert one["checked_with"]["version"]


@pytest.mark.parametrize(
    ("name", "figure", "how"),
    [
        ("stm32l4r5", "instructions", "emulated"),
        ("stm32l4r5", "latency", "estimated"),
        ("raspberry-pi-4", "instructions", "emulated"),
        ("raspberry-pi-4", "latency", "estimated"),
        ("raspberry-pi-4", "energy", "estimated"),
        ("android-arm64", "energy", None),
        ("cortex-m4", "instructions", None),
        ("edge-tpu", "energy", "estimated"),
        ("ethos-u55-128", "ram", "estimated"),
        ("ethos-u55-128-executorch", "host_latency", None),
        ("edge-tpu", "host_latency", "measured"),
        ("stm32l4r5", "host_latency", None),
    ],
)
def test_a_figure_has_the_kind_that_a_build_gives_it(name: str, figure: str, how: str | None) -> None:
    assert obtained(load_target(name)).get(figure) == how


def test_memory_of_a_linked_image_needs_no_hardware_but_time_does() -> None:
    assert needs_hardware(load_target("stm32l4r5")) == {"latency": "estimated", "energy": "estimated"}
    assert needs_hardware(load_target("raspberry-pi-4")) == {"latency": "estimated", "energy": "estimated", "ram": None}


def test_a_board_that_is_attached_is_measured_and_so_is_not_counted_as_here() -> None:
    target = load_target("raspberry-pi-4").model_copy(update={"device": "raspberry-pi-4"})
    assert TRANSPORTS.get("ssh").figures["latency"] == "measured"
    assert "latency" not in obtained(target)


def test_the_figures_named_are_those_that_are_made(tmp_path: Path) -> None:
    """The names stand in the registries: each is held against what the code behind them gives."""
    net = Net()
    file = net.write(tmp_path / "net.tflite", net.convolution(image(net), 8))
    for name, accelerator in ACCELERATORS.items():
        if name.startswith("ethos") and not ENVIRONMENT.python.exists() and not os.environ.get("CI"):
            continue
        report = accelerator.judge(JudgeRequest(file))
        assert tuple(figure.name for figure in report.figures) == accelerator.figures
        assert {figure.kind for figure in report.figures} == {"estimated"}
    assert {"instructions", *NAMES.values(), ALL_CORES} == set(TRANSPORTS.get("qemu-user").figures)
    source = Path(firmware.__file__).read_text()
    assert all(f'"{name}"' in source for name in ("instructions", "flash", "ram", "arena", "stack"))
    assert {"instructions", "flash", "ram", "arena", "stack"} == {
        name for name, how in TRANSPORTS.get("qemu-system").figures.items() if how == "emulated"
    }


def test_people_see_a_table() -> None:
    page = CliRunner().invoke(app, ["list"], env={"COLUMNS": "200"})
    assert page.exit_code == 0
    for word in ("measured here", "estimated here", "needs hardware", "ethos-u55-128-executorch"):
        assert word in page.stdout
    titles = "target file runtime measured here emulated here estimated here needs hardware"
    assert " ".join(page.stdout.splitlines()[0].split()) == titles


@pytest.mark.parametrize("width", [80, 100, 125, 140, 200])
def test_no_word_is_broken_however_narrow_the_page(width: int) -> None:
    page = CliRunner().invoke(app, ["list"], env={"COLUMNS": str(width)}).stdout
    assert max(len(line.rstrip()) for line in page.splitlines()) <= width
    facts = json.loads(CliRunner().invoke(app, ["list", "--json"]).stdout)["targets"]
    words = page.translate(str.maketrans("(),", "   ")).split()
    named: set[str] = set()
    for one in facts:
        export = {key: one["export"][key] for key in ("format", "dtype", "io")}
        named |= {one["target"], *export.values(), one["checked_with"]["runtime"], one["runtime"]["name"]}
    assert named <= set(words)
    told = {word for one in facts for figure in one["obtained"] for word in figure.split("_")}
    known = {word for one in facts for word in (*one["needs_hardware"], str(one["runtime"].get("version")))}
    titles = {"target", "file", "runtime", "measured", "here", "emulated", "estimated", "needs", "hardware", "io"}
    assert told <= set(words)
    assert set(words) <= {*told, *known, *titles, *named}


def test_devices_name_accelerators_and_cores_that_profiles_may_name() -> None:
    emulated = get_args(CorstoneOptions.model_fields["accelerator"].annotation)
    assert emulated
    assert set(emulated) <= set(ACCELERATORS.names())
    assert set(get_args(Core)) == set(CORES.names()) - {"generic"}
