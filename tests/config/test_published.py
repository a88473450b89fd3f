"""What is published of the configuration: JSON Schemas, the reference, the scaffold and the commands."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import jsonschema
import pytest
import yaml
from typer.testing import CliRunner

from edgebuild.cli.targets import app
from edgebuild.config.load import load_project, shipped_targets
from edgebuild.config.reference import profile_reference
from edgebuild.config.registries import FORMATS, PACKAGERS, STEPS
from edgebuild.config.scaffold import ScaffoldRequest, write_scaffold
from edgebuild.config.schema import device_schema_json, project_schema_json, target_schema_json
from edgebuild.config.shipped import shipped_devices_dir, shipped_targets_dir
from edgebuild.errors import ConfigError

REFERENCE = Path(__file__).parents[2] / "docs" / "profile-reference.md"


def test_the_committed_reference_is_current() -> None:
    command = "python -m edgebuild.config.reference docs/profile-reference.md"
    assert REFERENCE.read_text() == profile_reference(), f"run: {command}"


def test_the_reference_names_everything_that_is_registered() -> None:
    text = profile_reference()
    for kind, registry in (("step", STEPS), ("format", FORMATS), ("package", PACKAGERS)):
        for name in registry.names():
            assert f"### {kind} `{name}`" in text


def test_schemas_accept_what_loads() -> None:
    for schema in (target_schema_json(), project_schema_json(), device_schema_json()):
        jsonschema.Draft202012Validator.check_schema(schema)
    for file in shipped_targets_dir().glob("*.yaml"):
        jsonschema.validate(yaml.safe_load(file.read_text()), target_schema_json())
    for file in shipped_devices_dir().glob("*.yaml"):
        jsonschema.validate(yaml.safe_load(file.read_text()), device_schema_json())


@pytest.mark.parametrize(
    "broken",
    [
        {"budgets": {"size": 8}},
        {"plan": [{"quantize": {"kind": "dynamik"}}]},
        {"plan": [{"quantise": {}}]},
        {"export": {"format": "tflight"}},
        {"budget": {}},
        {"package": {"kind": "plain", "symbol": "x"}},
    ],
)
def test_schemas_refuse_what_does_not(broken: dict[str, object]) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"target": "x", "extends": "edge-tpu", **broken}, target_schema_json())


@pytest.fixture
def own_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mypkg").mkdir()
    (tmp_path / "mypkg" / "net.py").write_text('"""Found, and not imported."""\n')
    (tmp_path / "w.pt").write_bytes(b"")
    (tmp_path / "net.pt2").write_bytes(b"")
    return tmp_path


@pytest.mark.parametrize(
    "request_",
    [
        ScaffoldRequest("mypkg.net:build", "w.pt"),
        ScaffoldRequest("mypkg.net:build"),
        ScaffoldRequest("mypkg.net:build", data="mypkg.net:samples", targets=("edge-tpu",), name="mine"),
        ScaffoldRequest("net.pt2", data="mypkg.net:samples"),
    ],
)
def test_a_scaffold_loads_and_says_what_was_asked(own_model: Path, request_: ScaffoldRequest) -> None:
    project = load_project(write_scaffold(request_, Path()))
    assert request_.model in (project.model.factory, project.model.program)
    assert project.model.weights == request_.weights
    assert project.target_names() == (list(request_.targets) or shipped_targets())
    assert project.data.function == (request_.data or "mypkg.net:load_data")
    assert (project.train is None) == (request_.weights is not None or request_.model.endswith(".pt2"))


def test_every_commented_line_of_a_scaffold_is_valid_once_it_is_taken_in(own_model: Path) -> None:
    (own_model / "samples").mkdir()
    file = write_scaffold(ScaffoldRequest("mypkg.net:build", "w.pt", targets=("edge-tpu",)), Path())
    lines = file.read_text().splitlines()
    keys = (
        "kwargs:",
        "inputs:",
        "outputs:",
        "depends:",
        "classes:",
        "normalization:",
        "- extends:",
        "target:",
        "budgets:",
    )
    taken = [line.replace("# ", "", 1) if line.strip("# ").startswith(keys) else line for line in lines]
    assert sum(a != b for a, b in zip(lines, taken, strict=True)) == 10
    file.write_text("\n".join(taken) + "\n")
    assert load_project(file).target_names() == ["edge-tpu", "my-android-arm64"]


def test_a_project_that_is_there_is_kept(own_model: Path) -> None:
    file = own_model / "edgebuild.yaml"
    file.write_text("name: precious\n")
    with pytest.raises(ConfigError, match="--force"):
        write_scaffold(ScaffoldRequest("mypkg.net:build", "w.pt"), Path())
    assert file.read_text() == "name: precious\n"
    write_scaffold(ScaffoldRequest("mypkg.net:build", "w.pt"), Path(), force=True)
    assert "precious" not in file.read_text()


def test_nothing_is_written_that_would_not_load(own_model: Path) -> None:
    with pytest.raises(ConfigError, match=r"model\.weights: no such file: gone\.pt"):
        write_scaffold(ScaffoldRequest("mypkg.net:build", "gone.pt"), Path())
    assert not (own_model / "edgebuild.yaml").exists()


@pytest.mark.parametrize(
    "arguments", [["list", "--json"], ["show", "edge-tpu", "--json"], ["schema", "project"], ["--json"]]
)
def test_commands_print_json_alone(arguments: list[str]) -> None:
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0
    assert json.loads(result.stdout)


def test_people_see_every_shipped_target() -> None:
    result = CliRunner().invoke(app, [])
    assert all(name in result.stdout for name in shipped_targets())
    assert "8 MB" in CliRunner().invoke(app, ["show", "edge-tpu"]).stdout


def test_reading_a_project_imports_no_framework() -> None:
    program = (
        "import sys; from edgebuild.config.load import load_target; load_target('edge-tpu'); "
        "print([m for m in ('torch', 'executorch', 'litert_torch', 'ai_edge_litert', 'sklearn') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
