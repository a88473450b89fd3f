"""Targets that are compiled to C: linked into firmware, run on emulated cores by the real command, and proved.

What is asked of the build afterwards is asked in this process, where the frameworks are loaded already.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.build.command import COMMAND, Built, edgebuild
from tests.build.tiny_project import write_tiny_project
from tests.emulated.needed import needs_emulators
from tests.workers import LastingExecutor, run_here

pytestmark = needs_emulators

TARGETS = ["stm32l4r5", "cortex-m55", "esp32-c3"]
SAMPLES = 96


def with_targets(root: Path, targets: list[Any]) -> Path:
    project = write_tiny_project(root)
    file = project / "edgebuild.yaml"
    file.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), "targets": targets}, sort_keys=False))
    return project


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The tiny project for three cores. Read only."""
    project = with_targets(tmp_path_factory.mktemp("compiled") / "project", TARGETS)
    done = edgebuild(project, "build", "--json")
    return Built(project, done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module", params=TARGETS)
def facts(request: pytest.FixtureRequest, compiled: Built) -> dict[str, Any]:
    targets = json.loads(compiled.stdout)["facts"]["targets"]
    return next(target for target in targets if target["name"] == request.param)


def figure(facts: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = [one for one in facts["figures"] if one["name"] == name][-1]
    return found


def test_every_target_passes(compiled: Built) -> None:
    assert compiled.exit_code == 0, compiled.stderr


def test_the_whole_validation_data_ran_on_the_core_and_equals_both_references(facts: dict[str, Any]) -> None:
    exact = [finding["message"] for finding in facts["findings"] if finding["code"] == "firmware-exact"]
    assert len(exact) == 2
    assert all(f"all {SAMPLES} samples equal" in message for message in exact)
    assert any("TFLite Micro" in message for message in exact)


def test_the_model_is_converted_once_for_all_cores(compiled: Built) -> None:
    stages = {stage["stage"]: stage for stage in json.loads(compiled.stdout)["stages"]}
    shared = [stages[f"{target}/tflite"] for target in TARGETS]
    assert [stage["ran"] for stage in shared].count(True) == 1
    assert len({stage["digest"] for stage in shared}) == 1
    assert len({stages[f"{target}/export"]["digest"] for target in TARGETS}) == len(TARGETS)


def test_layers_add_up_and_are_named_after_the_users(compiled: Built, facts: dict[str, Any]) -> None:
    delivered = json.loads((compiled.project / "artifacts" / facts["name"] / "firmware.json").read_text())
    layers = facts["firmware"]["layers"]
    assert sum(layer["instructions"] for layer in layers) + delivered["overhead"] == delivered["instructions"]
    instructions = figure(facts, "instructions")
    assert instructions["low"] <= delivered["instructions"] <= instructions["high"]
    assert {"0.0", "1.0"} <= {layer["layer"] for layer in layers}


def test_buffers_that_live_at_the_same_time_lie_inside_the_arena(facts: dict[str, Any]) -> None:
    firmware = facts["firmware"]
    assert firmware["arena_lower_bound"] <= firmware["arena_bytes"]
    assert max(one["offset"] + one["bytes"] for one in firmware["memory"]) <= firmware["arena_bytes"]


def test_flash_and_ram_are_those_of_the_firmware_that_is_delivered(compiled: Built, facts: dict[str, Any]) -> None:
    folder = compiled.project / "artifacts" / facts["name"]
    delivered = json.loads((folder / "firmware.json").read_text())
    assert figure(facts, "flash")["value"] == delivered["flash"]["model"]
    assert figure(facts, "ram")["value"] == delivered["arena_bytes"] + delivered["ram"]["stack"]
    manifest = json.loads((folder / "manifest.json").read_text())
    assert {"model.c", "model.h", "firmware.elf", "model.tflite"} <= set(manifest["files"])
    assert manifest["files"]["firmware.elf"]["sha256"] == delivered["elf_sha256"]


def test_budgets_of_flash_and_ram_are_judged(facts: dict[str, Any]) -> None:
    budgets = {budget["name"]: budget["met"] for budget in facts["budgets"]}
    assert budgets == {"flash": True, "ram": True, "accuracy_drop": True}


def test_time_is_estimated_with_an_interval_or_missing_with_a_reason(facts: dict[str, Any]) -> None:
    latency = figure(facts, "latency")
    if facts["name"] == "cortex-m55":
        assert latency["value"] is None
        assert "no clock" in latency["provenance"]
    else:
        assert latency["kind"] == "estimated"
        assert latency["low"] < latency["value"] < latency["high"]


def test_the_kernel_with_fewest_instructions_was_taken(compiled: Built) -> None:
    layers = json.loads((compiled.project / "artifacts" / "stm32l4r5" / "firmware.json").read_text())["layers"]
    assert any(len(layer["counted"]) > 1 for layer in layers)
    assert all(layer["counted"][layer["kernel"]] == min(layer["counted"].values()) for layer in layers)


def test_the_delivered_sources_compile_by_themselves(compiled: Built, tmp_path: Path) -> None:
    folder = compiled.project / "artifacts" / "esp32-c3"
    command = ["gcc", "-std=c99", "-Wall", "-Wextra", "-Wconversion", "-pedantic", "-Werror", "-I", str(folder)]
    sources = [str(folder / "model.c"), str(folder / "main.c")]
    done = subprocess.run(
        [*command, *sources, "-o", str(tmp_path / "example")], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_an_unchanged_rebuild_runs_nothing(compiled: Built, workers: LastingExecutor) -> None:
    again = run_here(workers, compiled.project, "build", "--json")
    assert again.code == 0
    assert {stage["status"] for stage in json.loads(again.out)["stages"]} == {"cached"}


def test_layers_are_compared_with_float(compiled: Built, workers: LastingExecutor) -> None:
    done = run_here(workers, compiled.project, "diff", "stm32l4r5", "--json")
    assert done.code == 0, done.err
    assert len(json.loads(done.out)["layers"]) >= 3


def test_too_little_flash_is_a_missed_budget_with_both_numbers(compiled: Built, workers: LastingExecutor) -> None:
    small = {"extends": "stm32l4r5", "target": "small", "hardware": {"flash": "4 KiB"}}
    file = compiled.project / "small.yaml"
    file.write_text(
        yaml.safe_dump({**yaml.safe_load((compiled.project / "edgebuild.yaml").read_text()), "targets": [small]})
    )
    done = run_here(workers, compiled.project, "build", "-p", "small.yaml")
    assert done.code == 1
    assert "4096 B" in done.err or "4 KiB" in done.err
    assert "flash" in done.err


def test_another_core_than_the_devices_is_refused(tmp_path: Path, workers: LastingExecutor) -> None:
    wrong = {"extends": "stm32l4r5", "target": "wrong", "device": "cortex-m7-emulated"}
    done = run_here(workers, with_targets(tmp_path / "project", [wrong]), "build")
    assert done.code == 2
    assert "wrong: device 'cortex-m7-emulated' emulates cortex-m7, the profile compiles for cortex-m4" in done.err


def test_a_missing_compiler_is_named_with_the_line_that_installs_it(compiled: Built, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("gcc", "as", "ld", "env"):
        (programs / name).symlink_to(f"/usr/bin/{name}")
    file = compiled.project / "edgebuild.yaml"
    other = compiled.project / "other.yaml"
    other.write_text(yaml.safe_dump({**yaml.safe_load(file.read_text()), "targets": ["stm32u575"]}))
    environment = {**os.environ, "PATH": str(programs)}
    done = subprocess.run(
        [COMMAND, "build", "-p", "other.yaml"],
        cwd=compiled.project, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 3
    assert "arm-none-eabi-gcc is missing" in done.stderr
    assert "apt-get install -y --no-install-recommends gcc-arm-none-eabi libnewlib-arm-none-eabi" in done.stderr


def test_a_shipped_profile_can_be_named_without_a_line_in_the_project(
    compiled: Built, workers: LastingExecutor
) -> None:
    done = run_here(workers, compiled.project, "explain", "rp2040", "--json")
    assert done.code == 0, done.err
    stages = {stage["stage_id"] for stage in json.loads(done.out)["stages"]}
    assert "rp2040/firmware" in stages


def test_what_was_delivered_can_be_inspected(compiled: Built, workers: LastingExecutor) -> None:
    done = run_here(workers, compiled.project, "inspect", "artifacts/stm32l4r5", "--json")
    assert done.code == 0, done.err
    census = json.loads(done.out)["census"]
    assert (census["path"], census["metadata"]["core"]) == ("model.c", "cortex-m4")
    example = run_here(workers, compiled.project, "inspect", "artifacts/stm32l4r5/main.c")
    assert example.code == 2
    assert "main.c is not the model of the library beside it, expected model.c" in example.err
