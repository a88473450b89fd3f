"""Every command on a built project: JSON and nothing else on stdout, and answers where a user goes wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.build.command import Built
from tests.workers import LastingExecutor, run_here

COMMANDS = (
    ("build",),
    ("explain",),
    ("explain", "phone"),
    ("inspect", "artifacts/board"),
    ("inspect", "artifacts/phone/src/main/assets/model.pte"),
    ("report",),
    ("report", "--compare", "latest"),
    ("targets",),
    ("targets", "list"),
    ("targets", "show", "edge-tpu"),
    ("targets", "schema", "project"),
    ("cache", "ls"),
    ("cache", "verify"),
    ("doctor",),
)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_json_is_one_document_and_nothing_else(
    built: Built, workers: LastingExecutor, command: tuple[str, ...]
) -> None:
    ended = run_here(workers, built.project, *command, "--json")
    assert isinstance(json.loads(ended.out), dict)
    assert ended.code == 0, ended.err


def test_json_of_an_error_is_one_document_too(built: Built, workers: LastingExecutor) -> None:
    ended = run_here(workers, built.project, "build", "-t", "bord", "--json")
    facts = json.loads(ended.out)
    assert (ended.code, facts["exit_code"]) == (2, 2)
    assert facts["error"]["message"] == "the project has no target 'bord'; did you mean 'board'?"
    assert ended.err.startswith(f"error: {facts['error']['message']}\n  -> its targets are: board, phone; shipped ")
    assert "stm32l4r5" in ended.err


def test_one_target_is_built_alone(project: Path, workers: LastingExecutor) -> None:
    facts = json.loads(run_here(workers, project, "build", "-t", "phone", "-t", "phone", "--json").out)
    assert [target["name"] for target in facts["facts"]["targets"]] == ["phone"]
    assert not [stage for stage in facts["stages"] if stage["stage"].startswith("board")]
    as_argument = json.loads(run_here(workers, project, "build", "phone", "--json").out)
    assert [target["name"] for target in as_argument["facts"]["targets"]] == ["phone"]


@pytest.mark.parametrize(("target", "layers"), [("board", 3), ("phone", 3)])
def test_diff_names_the_layers_of_the_model(project: Path, workers: LastingExecutor, target: str, layers: int) -> None:
    ended = run_here(workers, project, "diff", target, "--samples", "4", "--json")
    assert ended.code == 0, ended.err
    facts = json.loads(ended.out)
    assert {"0.0", "1.0", "4"} <= {row["layer"] for row in facts["layers"]}
    assert len(facts["layers"]) >= layers
    assert all(row["sqnr_db"] is None or row["sqnr_db"] > 15 for row in facts["layers"])
    assert facts["worst"] in facts["layers"]


def test_inspecting_a_target_is_inspecting_its_file(built: Built, workers: LastingExecutor) -> None:
    for folder, file in (("board", "model.tflite"), ("phone", "src/main/assets/model.pte")):
        by_folder = json.loads(run_here(workers, built.project, "inspect", f"artifacts/{folder}", "--json").out)
        by_file = json.loads(run_here(workers, built.project, "inspect", f"artifacts/{folder}/{file}", "--json").out)
        assert {**by_folder, "path": ""} == {**by_file, "path": ""}
        assert by_folder["records"]["manifest.json"]["target"] == folder


def test_init_does_not_overwrite_and_says_so_in_json(tmp_path: Path, workers: LastingExecutor) -> None:
    (tmp_path / "model.py").write_text("def build(): ...\n\n\ndef load_data(): ...\n")
    (tmp_path / "w.safetensors").touch()
    arguments = ("init", "--model", "model:build", "--weights", "w.safetensors", "--json")
    assert json.loads(run_here(workers, tmp_path, *arguments).out)["written"] == "edgebuild.yaml"
    again = run_here(workers, tmp_path, *arguments)
    assert again.code == 2
    assert "error" in json.loads(again.out)


def test_gc_keeps_what_the_next_build_needs(project: Path, workers: LastingExecutor) -> None:
    assert json.loads(run_here(workers, project, "cache", "gc", "--json").out)["objects_removed"] == 0
    facts = json.loads(run_here(workers, project, "build", "--json").out)
    assert {stage["status"] for stage in facts["stages"]} == {"cached"}


def test_without_a_project_every_command_says_where_to_go(tmp_path: Path, workers: LastingExecutor) -> None:
    for command in (("build",), ("explain",), ("diff", "board"), ("cache", "ls"), ("cache", "verify"), ("cache", "gc")):
        ended = run_here(workers, tmp_path, *command)
        assert ended.code == 2
        assert "edgebuild.yaml" in ended.err
        assert "--project" in ended.err
        assert list(tmp_path.iterdir()) == []
