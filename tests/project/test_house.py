"""The house rules that a machine can see."""

from __future__ import annotations

import ast
import fnmatch
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

HOSTS = (
    "py" + "pi.org",
    "python" + "hosted.org",
    "registry." + "npm" + "js",
    "deb." + "debian.org",
    "download." + "pytorch.org",
)
FOLDERS = ("/wo" + "rk/", "/fa" + "rm/", "/ro" + "ot/", "/ho" + "me/")

LONGEST_FILE = 450
LONGEST_FUNCTION = 60


def tracked() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    return [ROOT / name.decode() for name in listing.split(b"\0") if name and (ROOT / name.decode()).is_file()]


def texts() -> list[tuple[Path, str]]:
    """Every text file under version control."""
    found = []
    for path in tracked():
        try:
            found.append((path, path.read_text(encoding="utf-8")))
        except UnicodeDecodeError:
            continue
    return found


@pytest.fixture(scope="module")
def modules() -> list[tuple[Path, ast.Module]]:
    """The library's own modules, parsed."""
    return [
        (path, ast.parse(text)) for path, text in texts() if path.suffix == ".py" and ROOT / "edgebuild" in path.parents
    ]


def test_no_text_names_a_registry_or_a_folder_of_one_machine() -> None:
    forbidden = re.compile("|".join(re.escape(word) for word in (*HOSTS, *FOLDERS)))
    named = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for path, text in texts()
        for number, line in enumerate(text.splitlines(), 1)
        if forbidden.search(line)
    ]
    assert named == []


def test_no_file_is_too_long_to_read(modules: list[tuple[Path, ast.Module]]) -> None:
    lengths = {str(path.relative_to(ROOT)): len(path.read_text().splitlines()) for path, _ in modules}
    assert {name: length for name, length in lengths.items() if length > LONGEST_FILE} == {}


def test_no_function_is_too_long_to_read(modules: list[tuple[Path, ast.Module]]) -> None:
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}"
        for path, tree in modules
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and (node.end_lineno or node.lineno) - node.lineno > LONGEST_FUNCTION
    ]
    assert long == []


def test_no_module_is_called_after_nothing(modules: list[tuple[Path, ast.Module]]) -> None:
    assert [path.name for path, _ in modules if path.stem in {"utils", "util", "helpers", "common", "misc"}] == []


def test_nothing_is_left_to_be_done() -> None:
    words = re.compile(r"\b(" + "|".join(["TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK"]) + r")\b")
    left = [str(path.relative_to(ROOT)) for path, text in texts() if path.name != "LICENSE" and words.search(text)]
    assert left == []


def test_every_test_is_run(request: pytest.FixtureRequest) -> None:
    """pytest passes over folders by their names, in silence: `build` is one of those that it passes over by itself."""
    folders = {folder.name for file in tracked() if file.name.startswith("test_") for folder in file.parents}
    passed_over = request.config.getini("norecursedirs")
    assert [name for name in sorted(folders) if any(fnmatch.fnmatch(name, pattern) for pattern in passed_over)] == []
