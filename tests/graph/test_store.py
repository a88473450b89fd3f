"""The store keeps what it was given, notices what is damaged, and loses nothing when a disk is full or closed to it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgebuild.errors import InternalError, StoreError
from edgebuild.graph.canonical import digest_of
from edgebuild.graph.graph import Graph
from edgebuild.graph.records import KeyRecord
from edgebuild.graph.stage import Stage
from edgebuild.graph.store import Store, open_store, read_store
from edgebuild.graph.store_care import collect_garbage, latest_keys, list_store, verify_store
from tests.graph.small_project import build, make_graph, objects, ran, write_project

ROOT = Path(__file__).parents[2]


def record(name: str, stage: str = "data") -> KeyRecord:
    components = {"kind": "test", "name": name}
    return KeyRecord(digest_of(components), "", stage, components, 1.0, time.time())


def put(store: Store, name: str, text: str) -> Path:
    with store.session():
        folder = store.workspace()
        (folder / "a.txt").write_text(text)
        return store.commit(folder, record(name)).path


def test_equal_content_is_one_object_whoever_makes_it(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    assert put(store, "one", "same") == put(store, "two", "same") != put(store, "three", "other")
    assert len(list((store.root / "objects").iterdir())) == 2
    assert list((store.root / "tmp").iterdir()) == []


def test_digest_sees_names_contents_and_the_executable_bit(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    digests = set()
    with store.session():
        for number, (name, mode) in enumerate((("a", 0o644), ("b", 0o644), ("a", 0o755), ("a", 0o600))):
            folder = store.workspace()
            (folder / name).write_text("x")
            (folder / name).chmod(mode)
            digests.add(store.commit(folder, record(str(number))).record.artifact)
    assert len(digests) == 3


def test_link_is_no_artifact(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    with store.session():
        folder = store.workspace()
        (folder / "link").symlink_to("/etc")
        with pytest.raises(InternalError, match="link of an artifact is not a regular file"):
            store.commit(folder, record("link"))


def test_flipped_byte_is_detected_and_rebuilt(project: Path, caplog: pytest.LogCaptureFixture) -> None:
    first = build(project, make_graph())
    before = objects(project)
    block = first["data"].artifact / "parts" / "block.bin"
    stat_before = block.stat()
    content = bytearray(block.read_bytes())
    content[5000] ^= 1
    block.write_bytes(content)
    os.utime(block, ns=(stat_before.st_atime_ns, stat_before.st_mtime_ns))
    assert [damage.stages for damage in verify_store(read_store(project))] == [("data",)]
    result = build(project, make_graph())
    assert ran(result) == ["data"]
    assert result["data"].causes == ("its artifact in the store is damaged",)
    assert "is damaged" in caplog.text
    assert objects(project) == before
    assert verify_store(read_store(project)) == []
    assert len(list((project / ".edgebuild" / "corrupt").iterdir())) == 1


def test_damaged_record_is_detected_and_rebuilt(project: Path) -> None:
    first = build(project, make_graph())
    path = read_store(project).key_path(first["baseline"].key or "")
    path.write_text(path.read_text().replace('"scale": 1.0', '"scale": 7.0'))
    assert len(verify_store(read_store(project))) == 1
    assert ran(build(project, make_graph())) == ["baseline"]
    assert verify_store(read_store(project)) == []


def test_two_cold_builds_are_byte_identical(project: Path, tmp_path: Path) -> None:
    build(project, make_graph())
    other = write_project(tmp_path / "a" / "different" / "place")
    build(other, make_graph())
    assert objects(project) == objects(other)
    keys = [sorted(path.name for path in (root / ".edgebuild" / "keys").iterdir()) for root in (project, other)]
    assert keys[0] == keys[1]


def test_garbage_collection_keeps_what_the_next_build_needs(project: Path) -> None:
    build(project, make_graph(scale=2.0))
    build(project, make_graph())
    store = open_store(project)
    listed = list_store(store)
    assert sum(item.latest for item in listed) == 5
    assert len(listed) == 9
    kept_all = collect_garbage(store, older_than=3600)
    assert kept_all.keys_removed == kept_all.objects_removed == 0
    collected = collect_garbage(store, keep_keys=latest_keys(store, [stage.id for stage in make_graph()]))
    assert (collected.keys_removed, collected.keys_kept, collected.objects_removed) == (4, 5, 4)
    assert collected.freed > 0
    assert ran(build(project, make_graph())) == []
    assert ran(build(project, make_graph(scale=2.0))) == ["baseline", "phone/export", "phone/step", "pi/export"]


def test_garbage_collection_waits_for_no_build(project: Path) -> None:
    store = open_store(project)
    with store.session(), pytest.raises(StoreError, match="a build is using the store"):
        collect_garbage(store)


def test_leftovers_of_killed_builds_are_swept(project: Path) -> None:
    build(project, make_graph())
    store = open_store(project)
    (store.root / "tmp" / "123-dead" / "x").mkdir(parents=True)
    (store.root / "keys" / ".abc.json-99999999-0badcafe.part").write_text("half")  # no process has that id
    build(project, make_graph())
    assert list((store.root / "tmp").iterdir()) == []
    assert not list((store.root / "keys").glob(".*"))


def test_store_of_another_layout_is_refused(project: Path) -> None:
    build(project, make_graph())
    (project / ".edgebuild" / "version").write_text("99\n")
    for opener in (open_store, read_store):
        with pytest.raises(StoreError, match="has layout '99', this edgebuild reads '1'"):
            opener(project)


def test_store_is_invisible_to_git(project: Path) -> None:
    build(project, make_graph())
    assert (project / ".edgebuild" / ".gitignore").read_text() == "*\n"


@pytest.fixture
def public_folder() -> Iterator[Path]:
    """A folder that every user can reach; pytest's own are private."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody without rights")
def test_unwritable_store_is_a_clear_error(public_folder: Path) -> None:
    """Run as a user who may read the project but not write to it."""
    program = (
        "import os, sys; from pathlib import Path; from edgebuild.errors import StoreError\n"
        "from edgebuild.graph.store import open_store\n"
        "os.setuid(65534)\n"
        "try:\n    open_store(Path(sys.argv[1]))\nexcept StoreError as error:\n    print(error)\n"
    )
    closed = public_folder
    closed.chmod(0o755)
    done = subprocess.run([sys.executable, "-c", program, str(closed)], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.startswith(f"cannot write to the store {closed}/.edgebuild: Permission denied"), done.stderr
    assert "-> give yourself the right to write there" in done.stdout
    open_store(closed)
    done = subprocess.run([sys.executable, "-c", program, str(closed)], cwd=ROOT, capture_output=True, text=True)
    assert "Permission denied" in done.stdout, done.stderr


def test_file_in_the_stores_place_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / ".edgebuild").write_text("not a folder")
    with pytest.raises(StoreError, match=r"cannot (read|write to) the store .*: Not a directory"):
        open_store(tmp_path)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A real file system of 3 MiB."""
    mount = tmp_path / "disk"
    mount.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(mount)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        pytest.skip(f"cannot mount a small disk: {done.stderr.strip()}")
    try:
        yield mount
    finally:
        subprocess.run(["umount", "-l", str(mount)], check=True)


def test_full_disk_is_a_clear_error_and_loses_nothing(small_disk: Path) -> None:
    project = write_project(small_disk / "project")
    build(project, make_graph())
    before = objects(project)
    graph = Graph([*make_graph(), Stage("big/step", "test-trouble", {"how": "fill the disk"}, {"data": "data"})])
    result = build(project, graph)
    error = result["big/step"].error
    assert isinstance(error, StoreError)
    assert "the disk is full; everything built before is intact" in error.message
    assert "cache gc" in str(error.remedy)
    assert objects(project) == before
    assert verify_store(read_store(project)) == []
    assert list((project / ".edgebuild" / "tmp").iterdir()) == []
    assert ran(build(project, make_graph(suffix="#"))) == ["phone/export"]


def fill_up(path: Path) -> None:
    with path.open("wb", buffering=0) as file, contextlib.suppress(OSError):
        while True:
            file.write(bytes(4096))


def test_disk_that_fills_up_while_an_artifact_moves_in(small_disk: Path) -> None:
    project = write_project(small_disk / "project")
    build(project, make_graph())
    before = objects(project)
    filler = small_disk / "filler"
    fill_up(filler)
    result = build(project, make_graph(scale=3.0))
    assert isinstance(result["baseline"].error, StoreError)
    assert result["phone/export"].status == "skipped"
    assert objects(project) == before
    assert verify_store(read_store(project)) == []
    filler.unlink()
    assert "baseline" in ran(build(project, make_graph(scale=3.0)))


def test_sweep_leaves_the_temporary_files_of_living_processes(tmp_path: Path) -> None:
    """Another build that opens the store is about to rename its own; a killed one's stay for ever otherwise."""
    store = open_store(tmp_path)
    gone = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, check=True)
    living = store.root / f".version-{os.getpid()}-0badcafe.part"
    abandoned = store.root / "keys" / f".some-key.json-{int(gone.stdout)}-0badcafe.part"
    for part in (living, abandoned):
        part.write_text("half")
    store.sweep()
    assert living.exists()
    assert not abandoned.exists()
