"""What a project file means once it is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgebuild.config.load import load_project
from edgebuild.config.problem import InvalidConfigError
from edgebuild.errors import ConfigError, ExitCode
from tests.config.conftest import Load


def test_short_forms_and_defaults(load: Load) -> None:
    project = load(
        changes={'{function: "model:load"}': '{function: "model:load", normalization: {mean: 0.5, std: [2]}}'}
    )
    assert (project.seed, project.threads) == (0, 1)
    assert project.metric.name == "accuracy"
    assert project.data.normalization is not None
    assert (project.data.normalization.mean, project.data.normalization.std) == ((0.5,), (2.0,))
    assert project.root == Path()
    assert project.target_names() == ["raspberry-pi-4"]
    assert project.target("raspberry-pi-4") is project.targets[0]
    assert project.target("other") is None
    assert project.devices["raspberry-pi-4-emulated"].transport == "qemu-user"


def test_the_folder_names_the_project_file(load: Load) -> None:
    load()
    assert load_project(Path()).name == "small"


def test_a_missing_project_file_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="edgebuild init") as raised:
        load_project(tmp_path)
    assert raised.value.exit_code == ExitCode.BAD_INPUT


def test_the_data_s_content_and_files_are_told_apart_from_the_rest(load: Load, tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"")
    reader = "{path: a.npz, train: {x: x, y: y}, validation: {fraction: 0.2}, channel_axis: 1}"
    npz = f"{{npz: {reader}, calibration: {{samples: 9}}}}"
    project = load(changes={'{function: "model:load"}': npz})
    assert project.data.source()["npz"]["channel_axis"] == 1
    assert "calibration" not in project.data.source()
    assert project.data.calibration.samples == 9
    assert project.data.files() == (Path("a.npz"),)


def test_an_environment_variable_stands_in_a_path(load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere.pt").write_bytes(b"")
    monkeypatch.setenv("MY_WEIGHTS", str(tmp_path / "elsewhere.pt"))
    project = load(changes={'{factory: "model:build"}': '{factory: "model:build", weights: $MY_WEIGHTS}'})
    assert project.model.weights == str(tmp_path / "elsewhere.pt")


def test_modules_are_found_without_being_imported(load: Load, tmp_path: Path) -> None:
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("raise RuntimeError\n")
    (tmp_path / "package" / "net.py").write_text("raise RuntimeError\n")
    assert load(changes={"model:build": "package.net:build"}).model.factory == "package.net:build"
    with pytest.raises(InvalidConfigError, match=r"no module 'package\.nett'"):
        load(changes={"model:build": "package.nett:build"})


def test_problems_are_facts_for_json(load: Load) -> None:
    with pytest.raises(InvalidConfigError) as raised:
        load(changes={"name: small": "name: small\nseed: -1"})
    assert [problem.to_json() for problem in raised.value.problems] == [
        {
            "path": "edgebuild.yaml",
            "line": 2,
            "column": 7,
            "key": "seed",
            "message": "-1 is not in [0, 4294967296)",
            "source_line": "seed: -1",
        }
    ]


def test_a_project_elsewhere_is_named_as_it_was_typed(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load()
    (tmp_path / "edgebuild.yaml").write_text("name: x\ntargets: [./none.yaml]\n")
    inner = tmp_path / "inner"
    inner.mkdir()
    monkeypatch.chdir(inner)
    with pytest.raises(InvalidConfigError) as raised:
        load_project(Path("..") / "edgebuild.yaml")
    assert {problem.path for problem in raised.value.problems} == {"../edgebuild.yaml"}
    assert any("no such file: ../none.yaml" in problem.message for problem in raised.value.problems)


def test_a_project_s_own_device_is_found_by_its_name(load: Load, tmp_path: Path) -> None:
    (tmp_path / "devices").mkdir()
    (tmp_path / "devices" / "desk.yaml").write_text("name: desk\ntransport: local\nlease: {ttl: 5 s}\n")
    project = load("targets: [{extends: raspberry-pi-4, device: desk}]\n")
    assert project.devices["desk"].lease.ttl == 5000.0
