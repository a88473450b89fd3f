"""The documentation is true: links lead somewhere, generated pages are current, walk-throughs work when followed."""

from __future__ import annotations

import json
import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

from edgebuild.errors import ExitCode
from tests.project.pages import DOCS, ROOT, steps_of


@pytest.mark.parametrize("name", ["cli.md", "profile-reference.md", "report.schema.json"])
def test_a_generated_page_is_what_make_docs_writes(name: str) -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "write_docs.py"))
    assert (DOCS / name).read_text() == script["PAGES"][name](), "run make docs"


@pytest.mark.parametrize("page", [ROOT / "README.md", *sorted(DOCS.glob("*.md"))], ids=lambda page: page.name)
def test_every_link_to_a_file_leads_to_one(page: Path) -> None:
    links = re.findall(r"\]\(([^)#]+)", page.read_text())
    broken = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert broken == []


def test_every_exit_code_is_explained() -> None:
    rows = re.findall(r"^\| (\d) \|", (DOCS / "exit-codes.md").read_text(), re.MULTILINE)
    assert [int(row) for row in rows] == [int(code) for code in ExitCode]


def test_the_readme_shows_both_commands() -> None:
    text = (ROOT / "README.md").read_text()
    assert "make demo" in text
    assert "make test" in text


def test_the_walk_through_of_an_own_model_works_when_followed_literally(tmp_path: Path) -> None:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    for path, text in steps_of("own-model.md"):
        if path:
            (tmp_path / path).write_text(text)
            continue
        completed = subprocess.run(text, shell=True, cwd=tmp_path, env=environment, capture_output=True, text=True)
        assert completed.returncode == 0, f"{text}\n{completed.stdout}{completed.stderr}"
    assert completed.stderr.count("built baseline") == 0
    shipped = json.loads((tmp_path / "artifacts" / "my-board" / "manifest.json").read_text())
    assert shipped["labels"] == ["circle", "square", "triangle"]
    accuracy = next(figure for figure in shipped["figures"] if figure["name"] == "accuracy")
    assert accuracy["value"] > 85
