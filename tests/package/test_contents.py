"""What every kind of package holds."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from edgebuild.config.registries import PACKAGERS
from edgebuild.errors import ConfigError
from tests.package.exports import DIGITS, c_export, int8_export, pack, pte_export

DATA = bytes(range(256)) * 7 + b"tail"


def export_for(kind: str, folder: Path) -> Path:
    if kind == "c-library":
        return c_export(folder)
    return pte_export(folder) if kind == "android" else int8_export(folder, DATA)


def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_kinds_that_profiles_name_are_registered() -> None:
    assert PACKAGERS.names() == ["android", "c-library", "linux", "microcontroller", "plain"]


@pytest.mark.parametrize("kind", PACKAGERS.names())
def test_the_manifest_names_size_and_digest_of_every_other_file(kind: str, tmp_path: Path) -> None:
    package = pack(kind, export_for(kind, tmp_path / "export"), tmp_path / "package")
    content = files(package)
    path = next(name for name in content if name.endswith("manifest.json"))
    manifest = json.loads(content.pop(path))
    assert manifest["files"] == {
        name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in content.items()
    }
    assert manifest["target"] == "a board"
    assert manifest["labels"] == list(DIGITS)
    assert manifest["interface"]["inputs"][0]["name"] == "image"


@pytest.mark.parametrize("kind", PACKAGERS.names())
def test_the_same_request_gives_the_same_bytes(kind: str, tmp_path: Path) -> None:
    export = export_for(kind, tmp_path / "export")
    assert files(pack(kind, export, tmp_path / "one")) == files(pack(kind, export, tmp_path / "elsewhere" / "two"))


@pytest.mark.parametrize("kind", PACKAGERS.names())
def test_an_option_that_the_kind_does_not_know_is_refused(kind: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"package\.colour: Extra inputs are not permitted"):
        pack(kind, export_for(kind, tmp_path / "export"), tmp_path / "package", colour="red")


def test_plain_is_the_file_its_labels_and_the_manifest(tmp_path: Path) -> None:
    content = files(pack("plain", int8_export(tmp_path / "export", DATA), tmp_path / "package"))
    assert sorted(content) == ["labels.txt", "manifest.json", "model.tflite"]
    assert content["model.tflite"] == DATA
    assert content["labels.txt"].decode().splitlines() == list(DIGITS)


def test_a_model_without_classes_has_no_labels_file(tmp_path: Path) -> None:
    package = pack("plain", int8_export(tmp_path / "export", DATA), tmp_path / "package", labels=())
    assert not (package / "labels.txt").exists()


def test_a_label_that_a_file_of_lines_cannot_hold_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"class name 'two\\nlines' holds a line break"):
        pack("plain", int8_export(tmp_path / "export", DATA), tmp_path / "package", labels=("one", "two\nlines"))


@pytest.mark.parametrize(
    ("kind", "found"),
    [("android", r"exports tflite \(model.tflite\)"), ("linux", r"exports executorch \(model.pte\)")],
)
def test_a_file_that_the_layout_cannot_run_is_refused_with_the_way_out(kind: str, found: str, tmp_path: Path) -> None:
    export = pte_export(tmp_path / "e") if kind == "linux" else int8_export(tmp_path / "e", DATA)
    with pytest.raises(ConfigError, match=found) as caught:
        pack(kind, export, tmp_path / "package")
    assert "package: {kind: plain}" in str(caught.value)


def test_a_c_library_is_its_sources_the_model_they_compute_and_how_to_call_them(tmp_path: Path) -> None:
    content = files(pack("c-library", c_export(tmp_path / "export"), tmp_path / "package"))
    expected = {"CMakeLists.txt", "main.c", "model.c", "model.h", "model.tflite", "library.json"}
    assert set(content) == expected | {"README.md", "labels.txt", "manifest.json"}
    assert "model_invoke(arena);" in content["README.md"].decode()
    with pytest.raises(ConfigError, match="package kind 'c-library' is for targets of format c"):
        pack("c-library", int8_export(tmp_path / "e", DATA), tmp_path / "refused")
