"""Big files are read once; a change of content is seen, a touch is not a change."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from edgebuild.errors import ConfigError
from edgebuild.graph import file_digest
from edgebuild.graph.file_digest import FileDigester


@pytest.fixture(autouse=True)
def _settles_at_once(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """Spare the tests the two seconds after which a file counts as settled."""
    if "fresh" not in request.node.name:
        monkeypatch.setattr(file_digest, "_SETTLED_SECONDS", -1.0)


def test_known_file_is_not_read_again(tmp_path: Path) -> None:
    file, memory = tmp_path / "data.npz", tmp_path / "store" / "files.json"
    file.write_bytes(bytes(1000))
    first = FileDigester(memory)
    digest = first.digest(file)
    first.save()
    second = FileDigester(memory)
    assert second.digest(file) == digest
    assert (first.files_read, second.files_read) == (1, 0)


def test_touched_file_is_read_and_is_the_same(tmp_path: Path) -> None:
    file, memory = tmp_path / "data.npz", tmp_path / "files.json"
    file.write_bytes(bytes(1000))
    first = FileDigester(memory)
    digest = first.digest(file)
    first.save()
    os.utime(file)
    second = FileDigester(memory)
    assert second.digest(file) == digest
    assert second.files_read == 1


def test_changed_content_is_seen_although_size_and_time_are_the_same(tmp_path: Path) -> None:
    file, memory = tmp_path / "data.npz", tmp_path / "files.json"
    file.write_bytes(bytes(1000))
    stat = file.stat()
    first = FileDigester(memory)
    digest = first.digest(file)
    first.save()
    file.write_bytes(b"x" * 1000)
    os.utime(file, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert FileDigester(memory).digest(file) != digest


def test_fresh_file_is_not_remembered(tmp_path: Path) -> None:
    file, memory = tmp_path / "data.npz", tmp_path / "files.json"
    file.write_bytes(b"a")
    digester = FileDigester(memory)
    digester.digest(file)
    digester.save()
    assert not memory.exists()


def test_folder_is_its_names_and_contents(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    for name in ("cat/1.png", "cat/2.png", "dog/1.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    digests = [FileDigester(tmp_path / "m.json").digest(folder)]
    (folder / "cat" / "2.png").rename(folder / "dog" / "2.png")
    digests.append(FileDigester(tmp_path / "m.json").digest(folder))
    (folder / "dog" / "2.png").write_text("other")
    digests.append(FileDigester(tmp_path / "m.json").digest(folder))
    (folder / "dog" / "2.png").unlink()
    digests.append(FileDigester(tmp_path / "m.json").digest(folder))
    assert len(set(digests)) == 4


def test_damaged_memory_is_forgotten(tmp_path: Path) -> None:
    (tmp_path / "m.json").write_text("{broken")
    (tmp_path / "a").write_text("a")
    assert len(FileDigester(tmp_path / "m.json").digest(tmp_path / "a")) == 64


def test_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no file or folder .*weights\.pt"):
        FileDigester(tmp_path / "m.json").digest(tmp_path / "weights.pt")


def test_dangling_link_in_a_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    (tmp_path / "images" / "1.png").symlink_to("gone.png")
    with pytest.raises(ConfigError, match=r"no file .*1\.png"):
        FileDigester(tmp_path / "m.json").digest(tmp_path / "images")
