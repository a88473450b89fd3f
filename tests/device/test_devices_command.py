"""`edgebuild devices`, run as a user does."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "devices").mkdir()
    desk = "name: desk\ntransport: local\nproperties: {architecture: %s}\nlease: {ttl: 90 s}\n"
    (tmp_path / "devices" / "desk.yaml").write_text(desk % os.uname().machine)
    (tmp_path / "devices" / "other.yaml").write_text("name: other\ntransport: local\nproperties: {cpu: cortex-a999}\n")
    (tmp_path / "leases").mkdir()
    return tmp_path


def run(project: Path, *arguments: str) -> tuple[int, Any, str]:
    """Exit code, the JSON of stdout, stderr."""
    command = [sys.executable, "-m", "edgebuild.cli.main", "devices", *arguments, "--json"]
    environment = {**os.environ, "EDGEBUILD_LEASES": str(project / "leases"), "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)
    return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr


def state_of(project: Path, name: str) -> dict[str, Any]:
    code, facts, _ = run(project, "list")
    assert code == 0
    return next(row for row in facts["devices"] if row["name"] == name)


def test_a_device_is_leased_checked_under_its_token_and_released(project: Path) -> None:
    assert state_of(project, "desk")["state"] == "free"
    assert state_of(project, "cortex-m4-emulated")["address"] is None
    code, lease, _ = run(project, "lease", "desk")
    assert (code, lease["seconds"]) == (0, 90.0)
    assert state_of(project, "host")["holder"]["token"] == lease["token"], "two names of one machine"

    code, refused, said = run(project, "check", "desk")
    assert code == 3
    assert "device 'desk' is busy" in said
    assert refused["error"]["kind"] == "DeviceBusyError"
    code, checked, _ = run(project, "check", "desk", "--token", str(lease["token"]))
    assert (code, checked["properties"]["architecture"]) == (0, os.uname().machine)

    assert run(project, "release", "desk")[0] == 2, "whose lease?"
    assert run(project, "release", "desk", "--token", "17")[0] == 3, "not this one"
    assert run(project, "release", "desk", "--token", str(lease["token"]))[1]["released"]
    code, _, said = run(project, "check", "desk", "--token", str(lease["token"]))
    assert code == 3
    assert f"the lease {lease['token']} is over" in said
    assert run(project, "check", "desk")[0] == 0


def test_force_frees_what_anybody_holds(project: Path) -> None:
    assert run(project, "lease", "desk", "--seconds", "600")[0] == 0
    assert run(project, "release", "desk", "--force")[1]["released"]
    code, facts, _ = run(project, "release", "desk", "--force")
    assert (code, facts["released"]) == (0, False)


def test_a_lease_that_has_ended_cannot_be_released(project: Path) -> None:
    token = str(run(project, "lease", "desk", "--seconds", "1")[1]["token"])
    time.sleep(1.1)
    code, _, said = run(project, "release", "desk", "--token", token)
    assert code == 3
    assert f"device 'desk': the lease {token} is over; the device is free" in said


def test_the_remedy_of_a_busy_device_is_a_command_that_works(project: Path) -> None:
    run(project, "lease", "desk")
    said = run(project, "lease", "desk")[2]
    found = re.search(r"edgebuild devices (release desk .*)", said)
    assert found is not None
    assert run(project, *found[1].split())[1]["released"]


@pytest.mark.parametrize("option", ["--seconds", "--wait"])
@pytest.mark.parametrize("size", ["inf", "nan", "1e999", "-1"])
def test_a_time_without_a_size_is_refused(project: Path, option: str, size: str) -> None:
    code, nothing, said = run(project, "lease", "desk", f"{option}={size}")
    assert (code, nothing) == (2, None)
    assert f"Invalid value for '{option}'" in said


def test_another_device_than_the_file_says_is_refused_with_the_difference(project: Path) -> None:
    code, _, said = run(project, "check", "other")
    assert code == 3
    assert "device 'other' is not the one that its file describes: cpu: " in said
    assert "expected cortex-a999" in said


def test_a_device_that_everybody_has_for_himself_cannot_be_leased(project: Path) -> None:
    for command in (["lease"], ["release", "--force"], ["release", "--token", "1"]):
        code, _, said = run(project, *command, "cortex-m4-emulated")
        assert code == 2
        assert "there is nothing to hold" in said
