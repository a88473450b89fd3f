"""`edgebuild cache` and `edgebuild explain`, run as a user runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from edgebuild.cli import cache
from edgebuild.cli.explain import explain
from edgebuild.errors import ConfigError
from tests.graph.small_project import build, make_graph

runner = CliRunner()


@pytest.fixture
def real_project(tmp_path: Path) -> Path:
    """A project file with a target, whose parts exist; nothing of it is built."""
    (tmp_path / "edgebuild.yaml").write_text(
        'name: small\nmodel: {factory: "model:build", outputs: [scores]}\ndata: {function: "model:load"}\n'
        "metric: accuracy\ntrain: {epochs: 1, batch_size: 8, optimizer: sgd, learning_rate: 0.1}\n"
        "targets: [raspberry-pi-4]\n"
    )
    (tmp_path / "model.py").write_text("import helper\n\n\ndef build(): ...\n\n\ndef load(): ...\n")
    (tmp_path / "helper.py").write_text("")
    return tmp_path


def explain_app() -> typer.Typer:
    app = typer.Typer()
    app.command("explain")(explain)
    return app


def test_ls_lists_every_artifact(project: Path) -> None:
    build(project, make_graph())
    shown = runner.invoke(cache.app, ["ls", "--project", str(project)])
    assert shown.exit_code == 0, shown.output
    assert "* baseline" in shown.output
    assert shown.output.splitlines()[-1].startswith("5 artifacts, ")
    facts = json.loads(runner.invoke(cache.app, ["ls", "--json", "--project", str(project)]).stdout)
    assert [item["stage"] for item in facts["artifacts"]][:2] == ["baseline", "data"]
    assert facts["bytes"] == sum(item["bytes"] for item in facts["artifacts"])


def test_ls_of_a_project_never_built_is_empty(project: Path) -> None:
    (project / "edgebuild.yaml").touch()
    shown = runner.invoke(cache.app, ["ls", "--project", str(project)])
    assert shown.output == "0 artifacts, 0 B\n"
    assert not (project / ".edgebuild").exists()


def test_verify_names_the_damage_and_exits_1(project: Path) -> None:
    result = build(project, make_graph())
    assert runner.invoke(cache.app, ["verify", "--project", str(project)]).output == "everything is intact\n"
    (result["data"].artifact / "out.txt").write_text("?")
    shown = runner.invoke(cache.app, ["verify", "--project", str(project)])
    assert shown.exit_code == 1
    assert f"objects/{result['data'].digest}: the content does not fit the digest (of data)" in shown.output
    facts = json.loads(runner.invoke(cache.app, ["verify", "--json", "--project", str(project)]).stdout)
    assert facts["intact"] is False
    assert facts["damages"][0]["stages"] == ["data"]


def test_gc_removes_what_the_project_does_not_need(real_project: Path) -> None:
    (real_project / "source.txt").write_text("pixels")
    build(real_project, make_graph().subgraph(["data"]))
    kept = runner.invoke(cache.app, ["gc", "--older-than", "1h", "--json", "--project", str(real_project)])
    assert kept.exit_code == 0, (kept.output, kept.exception)
    assert json.loads(kept.stdout)["objects_kept"] == 1
    bad = runner.invoke(cache.app, ["gc", "--older-than", "soon", "--project", str(real_project)])
    assert bad.exit_code == 2


def test_explain_of_a_project_never_built(real_project: Path) -> None:
    shown = runner.invoke(explain_app(), ["raspberry-pi-4", "--json", "--project", str(real_project)])
    assert shown.exit_code == 0, (shown.output, shown.exception)
    facts = json.loads(shown.stdout)
    assert facts["cached"] == 0
    assert facts["to_run"] == len(facts["stages"]) > 5
    assert facts["stages"][0]["causes"] == ["it was never built"]
    lines = runner.invoke(explain_app(), ["--project", str(real_project)]).output.splitlines()
    assert lines[-1] == f"{facts['to_run']} of {facts['to_run']} stages would run"
    assert any("would run" in line and line.startswith("raspberry-pi-4/export") for line in lines)


def test_a_folder_without_project_and_store_is_no_intact_store(tmp_path: Path) -> None:
    for command in ("ls", "verify"):
        refused = runner.invoke(cache.app, [command, "--project", str(tmp_path)])
        assert isinstance(refused.exception, ConfigError)
        assert f"found neither edgebuild.yaml nor a store (.edgebuild) in {tmp_path}" in str(refused.exception)
