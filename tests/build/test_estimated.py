"""A target whose device is calibrated: its report has an estimated latency and energy, and budgets are judged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from tests.build.command import edgebuild
from tests.mcu_kernels.layers import RELU, LayerBatch

DEVICE = "name: desk\ntransport: local\npower: {board: raspberry-pi-4}\n"


def calibrated(project: Path) -> None:
    """Calibrate the device `desk` with the built target and three other files."""
    (project / "devices").mkdir()
    (project / "devices" / "desk.yaml").write_text(DEVICE)
    lines = ["model,dtype,threads,ms", "board,int8,1,0.5"]
    for number in range(3):
        batch = LayerBatch(number)
        batch.convolve((8, 8), (4, 4 + 4 * number), kernel=(3, 3), clamp=RELU)
        (project / f"net{number}.tflite").write_bytes(batch.build())
        lines.append(f"net{number}.tflite,int8,1,{0.4 + 0.3 * number}")
    (project / "times.csv").write_text("\n".join(lines) + "\n")
    done = edgebuild(project, "calibrate", "desk", "times.csv", "--json")
    assert done.returncode == 0, done.stderr
    (table,) = json.loads(done.stdout)["tables"]
    assert (table["networks"], table["coverage"]) == (4, None)


def test_a_calibrated_device_gives_latency_and_energy_and_nothing_is_built_anew(project: Path) -> None:
    calibrated(project)
    file = project / "edgebuild.yaml"
    facts = yaml.safe_load(file.read_text())
    target = next(one for one in facts["targets"] if one["target"] == "board")
    facts["targets"] = [{**target, "device": "desk", "budgets": {"latency": "0.01 ms"}}]
    file.write_text(yaml.safe_dump(facts, sort_keys=False))
    done = edgebuild(project, "build", "--json")
    run = json.loads(done.stdout)
    assert done.returncode == 1, "the budget is missed by the estimate"
    assert {stage["status"] for stage in run["stages"]} == {"cached"}
    (built,) = run["facts"]["targets"]
    figures = {figure["name"]: figure for figure in built["figures"]}
    latency, energy = figures["latency"], figures["energy"]
    assert (latency["kind"], energy["kind"]) == ("estimated", "estimated")
    assert latency["low"] < latency["value"] < latency["high"]
    assert latency["confidence"] == 0.8, "four networks promise no more"
    assert "fitted to 4 measured networks (times.csv" in latency["provenance"]
    assert "raspberry-pi-4, above idle" in energy["provenance"]
    assert figures["ram"]["value"] is None, "what nobody estimates stays missing"
    assert {budget["name"]: budget["met"] for budget in built["budgets"]}["latency"] is False


@pytest.mark.parametrize(("allow", "code", "severity"), [([], 1, "fatal"), (["unjudged-ram"], 0, "allowed")])
def test_a_budget_that_nothing_is_held_against_fails(project: Path, allow: list[str], code: int, severity: str) -> None:
    file = project / "edgebuild.yaml"
    facts = yaml.safe_load(file.read_text())
    target = next(one for one in facts["targets"] if one["target"] == "board")
    facts["targets"] = [{**target, "budgets": {"ram": "1 MiB"}, "allow": allow}]
    file.write_text(yaml.safe_dump(facts, sort_keys=False))
    done = edgebuild(project, "build", "--json")
    (built,) = json.loads(done.stdout)["facts"]["targets"]
    findings = {finding["code"]: finding["severity"] for finding in built["findings"]}
    assert (done.returncode, findings["unjudged-ram"]) == (code, severity)
