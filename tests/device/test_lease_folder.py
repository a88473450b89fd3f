"""Where leases lie: one folder for all jobs of a machine, whatever they set; an error says where it is of no use."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgebuild.bench.exclusive import exclusive_host
from edgebuild.device import lease_records
from edgebuild.device.lease import acquire, hold, holder_of, lease_folder
from edgebuild.device.lease_records import VARIABLE
from edgebuild.errors import ToolError

ADDRESS = f"ssh-nobody-{os.getpid()}.invalid-22"
"""Of a device that nobody else has, because the folder is everybody's."""
DESK = f"name: desk\ntransport: ssh\noptions: {{host: nobody-{os.getpid()}.invalid}}\n"
SMALL_DISK = 'mount -t tmpfs -o size=64k none "{0}" && head -c 1000000 /dev/zero >"{0}/full" 2>/dev/null; exec "$@"'
READ_ONLY = 'mount -t tmpfs -o ro none "{0}" && exec "$@"'


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "devices").mkdir()
    (tmp_path / "devices" / "desk.yaml").write_text(DESK)
    return tmp_path


@pytest.fixture
def everybodys(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder that there is without a word about it."""
    monkeypatch.delenv(VARIABLE, raising=False)
    yield lease_folder()
    for file in lease_folder().glob(f"{ADDRESS}*"):
        file.unlink()


def devices(
    project: Path, *arguments: str, prefix: tuple[str, ...] = (), **variables: str
) -> subprocess.CompletedProcess[str]:
    command = [*prefix, sys.executable, "-m", "edgebuild.cli.main", "devices", *arguments]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **variables}
    return subprocess.run(command, cwd=project, env=environment, capture_output=True, text=True)


def test_jobs_with_temporary_folders_of_their_own_meet_in_one_place(project: Path, everybodys: Path) -> None:
    for job in ("a", "b", "c"):
        (project / job).mkdir()
    first = devices(project, "lease", "desk", "--json", TMPDIR=str(project / "a"), XDG_RUNTIME_DIR=str(project / "a"))
    assert first.returncode == 0, first.stderr
    for variables in ({"TMPDIR": str(project / "b")}, {"XDG_RUNTIME_DIR": str(project / "c")}):
        next_one = devices(project, "lease", "desk", **variables)
        assert (next_one.returncode, next_one.stdout) == (3, "")
        assert f"(token {json.loads(first.stdout)['token']}) holds it" in next_one.stderr
    assert everybodys.stat().st_mode & 0o777 == 0o700


BUILD = """
from edgebuild.bench.exclusive import exclusive_host
print("wants to", flush=True)
with exclusive_host():
    print("times")
"""


def test_builds_with_temporary_folders_of_their_own_time_one_after_the_other(tmp_path: Path, everybodys: Path) -> None:
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", BUILD]
    with exclusive_host():
        other = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        assert other.stdout is not None
        assert other.stdout.readline() == "wants to\n"
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(timeout=0.5)
    assert other.communicate(timeout=60)[0] == "times\n"
    assert (everybodys / "timed-in-builds.lock").is_file()


def test_the_variable_moves_it(project: Path, everybodys: Path) -> None:
    with hold("desk", 60, address=ADDRESS):
        assert devices(project, "lease", "desk").returncode == 3
        assert devices(project, "lease", "desk", **{VARIABLE: str(project / "new" / "place")}).returncode == 0
    assert (project / "new" / "place").stat().st_mode & 0o777 == 0o700


def test_a_folder_that_somebody_else_made_for_us_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setattr(lease_records, "_PLACE", tmp_path)
    (tmp_path / "theirs").mkdir()
    lease_folder().symlink_to(tmp_path / "theirs")
    with pytest.raises(ToolError, match=f"it is no folder of user {os.getuid()}"):
        acquire("desk", 60)
    assert list((tmp_path / "theirs").iterdir()) == []


@pytest.mark.parametrize("arguments", [["list"], ["lease", "desk"], ["check", "desk"], ["release", "desk", "--force"]])
def test_a_file_in_its_place_is_named(project: Path, arguments: list[str]) -> None:
    (project / "file").write_text("")
    done = devices(project, *arguments, **{VARIABLE: str(project / "file")})
    assert done.returncode == 3
    assert f"error: cannot keep leases in {project / 'file'}: it is no folder\n" in done.stderr
    assert f"name another folder, one for all jobs here: {VARIABLE}" in done.stderr


@pytest.mark.parametrize(("mount", "why"), [(SMALL_DISK, "the disk is full"), (READ_ONLY, "Read-only file system")])
def test_a_disk_that_takes_no_lease_is_named(project: Path, mount: str, why: str) -> None:
    place = project / "place"
    place.mkdir()
    prefix = ("unshare", "-m", "sh", "-c", mount.format(place), "sh")
    tried = subprocess.run([*prefix, "true"], capture_output=True, text=True)
    if tried.returncode:
        pytest.skip(f"no file system can be mounted here: {tried.stderr.strip()}")
    done = devices(project, "lease", "desk", prefix=prefix, **{VARIABLE: str(place / "leases")})
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith(f"error: cannot keep leases in {place / 'leases'}: {why}\n")


def test_what_was_done_counts_also_where_the_lease_cannot_be_given_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "leases"
    with hold("desk", 60, folder):
        folder.rename(tmp_path / "moved")
        folder.write_text("in its place")
    assert f"'desk' stays leased until this process ends: cannot keep leases in {folder}" in caplog.text


def test_a_ledger_goes_on_until_its_record_is_lost_or_copied_to_another_machine(tmp_path: Path) -> None:
    def ledger() -> str:
        with hold("desk", 60, tmp_path) as lease:
            return lease.ledger()

    first = ledger()
    assert ledger() == first
    record = json.loads((tmp_path / "desk.json").read_text())
    (tmp_path / "desk.json").write_text(json.dumps({**record, "boot": "of another machine"}))
    copied = ledger()
    (tmp_path / "desk.json").unlink()
    assert len({first, copied, ledger()}) == 3


def test_the_process_of_another_container_is_not_taken_for_dead(tmp_path: Path) -> None:
    with hold("desk", 60, tmp_path):
        file = tmp_path / "desk.json"
        record = json.loads(file.read_text())
        file.write_text(json.dumps({**record, "pid": 2**22 + 1, "born": 1}))
        assert holder_of("desk", tmp_path) is None, "nobody has this number here"
        file.write_text(json.dumps({**record, "pid": 2**22 + 1, "born": 1, "space": "pid:[1]"}))
        assert holder_of("desk", tmp_path) is not None
