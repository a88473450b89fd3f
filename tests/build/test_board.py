"""A target whose device is an emulated Linux board: its file is run there, and the report has what was counted."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from edgebuild.estimate.arm.schedule import SCHEDULER
from tests.build.command import edgebuild
from tests.device.boards import skip_without_boards
from tests.device.sshd import needs_sshd, new_server


def on_board(project: Path, target: str, device: str) -> dict[str, Any]:
    """Build one target with another device; the facts of the run."""
    file = project / "edgebuild.yaml"
    facts = yaml.safe_load(file.read_text())
    facts["targets"] = [{**next(one for one in facts["targets"] if one["target"] == target), "device": device}]
    file.write_text(yaml.safe_dump(facts, sort_keys=False))
    done = edgebuild(project, "build", "--json")
    assert done.returncode == 0, done.stderr
    run: dict[str, Any] = json.loads(done.stdout)
    return run


def test_the_file_runs_on_the_board_and_is_counted(project: Path) -> None:
    skip_without_boards()
    run = on_board(project, "board", "raspberry-pi-4-emulated")
    assert [stage["stage"] for stage in run["stages"] if stage["status"] == "built"] == ["board/board"]
    (target,) = run["facts"]["targets"]
    figures = {figure["name"]: figure for figure in target["figures"]}
    assert figures["instructions"]["kind"] == "emulated"
    assert figures["instructions"]["value"] > 10_000
    assert figures["device_equal_outputs"]["value"] == 100.0
    there = figures["device_accuracy"]
    assert there["kind"] == "emulated"
    assert there["low"] <= there["value"] <= there["high"]
    assert f"this host on the same samples: {there['value']:.2f} %" in there["provenance"], (
        "the same bits, the same score"
    )
    latency = figures["latency"]
    assert latency["kind"] == "estimated"
    if shutil.which(SCHEDULER):
        assert 0 < latency["low"] < latency["value"] < latency["high"]
        assert "cortex-a72 at 1.5 GHz, 1 thread: instructions x llvm-mca" in latency["provenance"]
        assert figures["energy"]["kind"] == "estimated"
        assert 0 < figures["energy"]["low"] < figures["energy"]["value"] < figures["energy"]["high"]
    else:
        assert "llvm-19" in latency["provenance"]
        assert figures["energy"]["value"] is None
    assert figures["host_latency"]["value"] > 0, "the host's own figures stay"
    assert "device-runs" in {finding["code"] for finding in target["findings"]}
    again = on_board(project, "board", "raspberry-pi-4-emulated")
    assert {stage["status"] for stage in again["stages"]} == {"cached"}


@needs_sshd
def test_a_real_board_is_timed_operation_by_operation_and_the_page_shows_it(project: Path, tmp_path: Path) -> None:
    server = new_server(tmp_path / "sshd")
    server.start()
    core = max(os.sched_getaffinity(0))
    description = {
        "name": "desk",
        "transport": "ssh",
        "options": server.options(python=sys.executable),
        "bench": {"cores": core},
    }
    (project / "devices").mkdir()
    (project / "devices" / "desk.yaml").write_text(yaml.safe_dump(description))
    try:
        run = on_board(project, "board", "desk")
    finally:
        server.stop()
    (target,) = run["facts"]["targets"]
    figures = {figure["name"]: figure for figure in target["figures"]}
    assert 0 < figures["latency"]["value"] <= figures["latency_p90"]["value"]
    assert f"1 thread pinned to core {core}, 200 runs in each of 3 processes" in figures["latency"]["provenance"]
    profile = target["device_profile"]
    assert (profile["device"], [row["op"] for row in profile["operations"]]) == (
        "desk",
        [row["op"] for row in target["profile"]],
    )
    assert [row["layer"] for row in profile["operations"]] == [row["layer"] for row in target["profile"]]
    assert profile["ratio"] * profile["whole_ms"] == pytest.approx(
        sum(row["median_ms"] for row in profile["operations"])
    )
    page = max((project / "reports").rglob("index.html"), key=lambda page: page.stat().st_mtime).read_text()
    assert "Time per operation on the device, measured" in page
    assert "measured on desk; together" in page


def test_a_program_for_phones_is_counted_to_the_instruction(project: Path) -> None:
    skip_without_boards()
    run = on_board(project, "phone", "android-arm64-emulated")
    (target,) = run["facts"]["targets"]
    figures = {figure["name"]: figure for figure in target["figures"]}
    assert figures["instructions"]["low"] == figures["instructions"]["high"] > 10_000
    assert "device-runs" in {finding["code"] for finding in target["findings"]}


def test_without_the_emulator_the_build_goes_on_and_says_what_is_missing(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "bin"
    place.mkdir()
    for name in ("sh", "gcc", "g++", "env", "as", "ld"):
        found = shutil.which(name)
        assert found is not None
        (place / name).symlink_to(found)
    monkeypatch.setenv("PATH", str(place))
    run = on_board(project, "board", "raspberry-pi-4-emulated")
    (target,) = run["facts"]["targets"]
    note = next(finding for finding in target["findings"] if finding["code"] == "device-not-run")
    assert note["severity"] == "note"
    assert "qemu-aarch64 is missing" in note["message"]
    assert "apt-get install -y --no-install-recommends qemu-user" in note["message"]
    assert "device raspberry-pi-4-emulated has not run this file" in json.dumps(target["figures"])
