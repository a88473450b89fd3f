"""Profiles: the shipped ones are what they promise, and own ones inherit from them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edgebuild.config.load import load_target, shipped_targets
from edgebuild.config.problem import InvalidConfigError
from edgebuild.config.shipped import shipped_targets_dir
from edgebuild.config.target import Target
from edgebuild.errors import ConfigError
from tests.config.conftest import Load


@pytest.mark.parametrize("name", shipped_targets())
def test_shipped_profiles_load_and_are_named_as_their_file(name: str) -> None:
    target = load_target(name)
    assert target.name == name
    if target.export.format in ("executorch-vulkan", "executorch-coreml"):  # their delegates compute in floats
        assert (target.steps(), target.export.dtype[:2]) == ((), "fp")
    else:
        assert ([step.method for step in target.steps()], target.export.dtype) == (["quantize"], "int8")
    assert target.budgets.accuracy_drop == 1.0


@pytest.mark.parametrize("name", shipped_targets())
def test_every_line_of_a_shipped_profile_that_sets_something_odd_is_explained(name: str) -> None:
    lines = (shipped_targets_dir() / f"{name}.yaml").read_text().splitlines()
    explained = [line for line in lines if "#" in line]
    assert len(explained) >= len([line for line in lines if line.strip()]) * 0.6


def test_the_four_targets_of_the_first_release_are_shipped() -> None:
    assert {"android-arm64", "cortex-m4", "edge-tpu", "raspberry-pi-4"} <= set(shipped_targets())


def test_what_is_shown_is_a_profile_that_loads_to_the_same(tmp_path: Path) -> None:
    for name in shipped_targets():
        target = load_target(name)
        (tmp_path / "copy.yaml").write_text(json.dumps(target.to_json()))
        assert load_target("copy.yaml", tmp_path) == target


def test_limits_are_in_the_units_of_the_code() -> None:
    limits = {limit.key: (limit.value, limit.unit, limit.sense) for limit in load_target("stm32l4r5").budgets.limits()}
    assert limits["flash"] == (512 * 1024, "B", "max")
    assert limits["ram"] == (128 * 1024, "B", "max")
    assert limits["accuracy_drop"] == (1.0, "points", "max")


def test_a_child_changes_what_it_says_and_inherits_the_rest(load: Load) -> None:
    target = load(
        "targets:\n  - extends: ./camera.yaml\n    budgets: {latency: 30 ms}\n",
        camera="target: camera\nextends: raspberry-pi-4\nbudgets: {size: 2 MiB}\n"
        "plan: [{quantize: {granularity: per_tensor}}]\n",
    ).targets[0]
    parent = load_target("raspberry-pi-4")
    assert target.name == "camera"
    assert (target.budgets.size, target.budgets.latency) == (2 * 2**20, 30.0)
    assert target.budgets.accuracy_drop == parent.budgets.accuracy_drop
    assert target.hardware == parent.hardware
    assert target.plan == ({"quantize": {"granularity": "per_tensor"}},)


def test_an_empty_value_removes_what_was_inherited(load: Load) -> None:
    target = load("targets:\n  - extends: raspberry-pi-4\n    budgets: {size: }\n").targets[0]
    assert target.budgets.size is None
    assert target.budgets.accuracy_drop == 1.0


def test_choices_take_what_belonged_to_them_along(load: Load) -> None:
    targets = "targets:\n  - extends: ./chip.yaml\n    package: {kind: plain}\n    runtime: {name: tflite-runtime}\n"
    chip = "target: chip\nextends: raspberry-pi-4\npackage: {kind: microcontroller, symbol: net}\n"
    target = load(targets, chip=chip).targets[0]
    assert target.package.options == {}
    assert (target.runtime.version, target.runtime.oldest) == (None, None)


def test_an_error_in_an_inherited_part_points_at_its_own_file_once(load: Load) -> None:
    targets = "targets: [./a.yaml, ./b.yaml]\n"
    parent = "target: p\nextends: raspberry-pi-4\nbudgets:\n  size: 4\n"
    with pytest.raises(InvalidConfigError) as raised:
        load(targets, p=parent, a="target: a\nextends: p.yaml\n", b="target: b\nextends: p.yaml\n")
    assert [(problem.path, problem.line, problem.key) for problem in raised.value.problems] == [
        ("p.yaml", 4, "budgets.size")
    ]


def test_a_profile_that_extends_itself_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.yaml").write_text("target: a\nextends: ./a.yaml\n")
    with pytest.raises(InvalidConfigError, match=r"a\.yaml:2:10: extends: .* in a circle: a\.yaml -> a\.yaml"):
        load_target("./a.yaml")


def test_every_step_can_be_built_again_from_its_json() -> None:
    for kind in ("static", "dynamic", "weight_only", "float16"):
        base = load_target("raspberry-pi-4")
        target: Target = base.model_copy(update={"plan": ({"quantize": {"kind": kind}},)})
        step = target.steps()[0]
        assert type(step.parameters).model_validate(step.to_json()) == step.parameters


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'cortex-m4'"):
        load_target("cortex-m44")


def test_the_wheel_s_copy_is_found_before_the_checkout(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "edgebuild" / "_shipped" / "targets").mkdir(parents=True)
    monkeypatch.setattr("edgebuild.config.shipped._PACKAGE", tmp_path / "edgebuild")
    assert shipped_targets_dir() == tmp_path / "edgebuild" / "_shipped" / "targets"
