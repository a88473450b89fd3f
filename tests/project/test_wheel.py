"""The wheel, built and installed for real: it carries what a user needs, and its light core works without torch."""

from __future__ import annotations

import json
import runpy
import shutil
import subprocess
import sys
import venv
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]


def succeed(command: list[str], folder: Path) -> str:
    """Run a command that must not fail; return what it wrote to stdout."""
    completed = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert completed.returncode == 0, completed.stderr
    return completed.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel made of the files under version control, without network."""
    source = tmp_path_factory.mktemp("checkout with a space")
    for name in filter(None, succeed(["git", "ls-files", "-z"], ROOT).split("\0")):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, source / name)
    out = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "-w",
        str(out),
        ".",
    ]
    succeed(command, source)
    return next(out.glob("*.whl"))


@pytest.fixture(scope="module")
def light(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment with the wheel and its core requirements, and nothing else; returns its bin folder."""
    home = tmp_path_factory.mktemp("light")
    venv.create(home, symlinks=True, with_pip=False)
    site = next((home / "lib").glob("python*/site-packages"))
    script = runpy.run_path(str(ROOT / "scripts" / "write_constraints.py"))
    for name in script["closure"](Requirement("edgebuild")):
        _link(metadata.distribution(name), site)
    command = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(home / "bin" / "python"),
        "install",
        "--no-deps",
        "--no-index",
    ]
    succeed([*command, str(wheel)], home)
    return home / "bin"


def _link(distribution: metadata.Distribution, site: Path) -> None:
    """Link what a distribution put at the top of site-packages into another one."""
    for file in distribution.files or ():
        top = file.parts[0]
        if top != ".." and not (site / top).exists():
            (site / top).symlink_to(Path(str(distribution.locate_file(top))))


def names_in(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_every_shipped_profile_and_device_is_in_the_wheel(wheel: Path) -> None:
    shipped = [path for folder in ("targets", "devices") for path in (ROOT / folder).glob("*.yaml")]
    assert shipped
    inside = names_in(wheel)
    assert {f"edgebuild/_shipped/{path.relative_to(ROOT)}" for path in shipped} <= inside


def test_every_file_of_the_package_under_version_control_is_in_the_wheel(wheel: Path) -> None:
    listing = succeed(["git", "ls-files", "edgebuild"], ROOT)
    there = {name for name in listing.splitlines() if (ROOT / name).is_file()}
    assert there - names_in(wheel) == set()


def test_neither_tests_nor_examples_are_in_the_wheel(wheel: Path) -> None:
    assert {name.split("/")[0] for name in names_in(wheel)} == {"edgebuild", f"edgebuild-{_version()}.dist-info"}


def test_the_light_core_has_no_framework(light: Path) -> None:
    completed = subprocess.run([light / "python", "-c", "import torch"], capture_output=True, text=True)
    assert "No module named 'torch'" in completed.stderr


def test_the_command_and_the_shipped_targets_work_without_torch(light: Path, tmp_path: Path) -> None:
    program = str(light / "edgebuild")
    assert "build" in succeed([program, "--help"], tmp_path)
    listing = json.loads(succeed([program, "targets", "list", "--json"], tmp_path))
    assert {"android-arm64", "raspberry-pi-4", "edge-tpu", "cortex-m4"} <= set(_strings(listing))


def test_the_doctor_of_a_light_installation_names_what_a_build_needs(light: Path, tmp_path: Path) -> None:
    completed = subprocess.run([light / "edgebuild", "doctor", "--json"], cwd=tmp_path, capture_output=True, text=True)
    assert completed.returncode == 3, completed.stderr
    facts = json.loads(completed.stdout)
    assert {"torch", "executorch", "litert-torch"} <= set(facts["blocking"])
    assert "numpy" not in facts["blocking"]


def _version() -> str:
    return metadata.version("edgebuild")


def _strings(value: object) -> list[str]:
    """All strings in a JSON value."""
    if isinstance(value, dict):
        return [text for item in value.values() for text in _strings(item)]
    if isinstance(value, list):
        return [text for item in value for text in _strings(item)]
    return [value] if isinstance(value, str) else []
