"""What a build leaves: packages with a manifest that is true, and a report that people, scripts and CI systems read."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
from pathlib import Path
from xml.etree import ElementTree as ET

import jsonschema  # type: ignore[import-untyped]
import pytest

from tests.build.command import Built

SCHEMA = Path(__file__).parents[2] / "docs" / "report.schema.json"
MANIFESTS = {"board": "manifest.json", "phone": "src/main/assets/manifest.json"}


def test_a_cold_build_succeeds_and_speaks_json_only(built: Built) -> None:
    assert built.exit_code == 0, built.stderr
    facts = json.loads(built.stdout)
    assert facts["exit_code"] == 0
    assert {stage["status"] for stage in facts["stages"]} == {"built"}
    assert {target["name"]: target["status"] for target in facts["facts"]["targets"]} == {"board": "ok", "phone": "ok"}


@pytest.mark.parametrize("target", ["board", "phone"])
def test_the_manifest_names_every_file_and_says_how_to_use_the_model(built: Built, target: str) -> None:
    folder = built.project / "artifacts" / target
    manifest = json.loads((folder / MANIFESTS[target]).read_text())
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    assert set(manifest["files"]) == set(files) - {MANIFESTS[target]}
    for name, entry in manifest["files"].items():
        assert entry["sha256"] == hashlib.sha256(files[name].read_bytes()).hexdigest()
        assert entry["bytes"] == files[name].stat().st_size
    assert manifest["labels"] == ["low", "middle", "high"]
    assert manifest["normalization"] == {"image": {"scale": 0.5, "mean": [1.0], "std": [2.0]}}
    assert manifest["tools"]["torch"] == importlib.metadata.version("torch")
    assert {"accuracy", "accuracy_drop", "file_size"} <= {figure["name"] for figure in manifest["figures"]}
    assert [entry["name"] for entry in manifest["interface"]["inputs"]] == ["image"]


def test_nothing_delivered_names_this_machine(built: Built) -> None:
    for file in (built.project / "artifacts").rglob("*"):
        if file.is_file():
            assert str(built.project).encode() not in file.read_bytes()


def test_the_report_is_valid_and_each_form_tells_of_both_targets(built: Built) -> None:
    folder = built.project / "reports" / "latest"
    report = json.loads((folder / "report.json").read_text())
    jsonschema.validate(report, json.loads(SCHEMA.read_text()))
    assert [target["name"] for target in report["targets"]] == ["board", "phone"]
    suites = ET.parse(folder / "junit.xml").getroot()
    assert [suite.get("name") for suite in suites] == ["board", "phone"]
    assert (suites.get("failures"), suites.get("errors")) == ("0", "0")
    for name in ("index.html", "report.md"):
        text = (folder / name).read_text()
        assert "board" in text
        assert "phone" in text


def test_every_budget_is_judged_by_its_own_sense(built: Built) -> None:
    report = json.loads((built.project / "reports" / "latest" / "report.json").read_text())
    budgets = {budget["name"]: budget for budget in report["targets"][1]["budgets"]}
    assert (budgets["accuracy_min"]["sense"], budgets["accuracy_min"]["met"]) == ("min", True)
    assert budgets["accuracy_min"]["value"] > budgets["accuracy_min"]["limit"]
    assert (budgets["size"]["sense"], budgets["size"]["met"]) == ("max", True)
