"""A report appears whole or not at all, and an unchanged rebuild writes nothing."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from edgebuild.errors import ConfigError, StoreError
from edgebuild.figure import Figure
from edgebuild.report import page
from edgebuild.report.facts import RunFacts, StageFacts
from edgebuild.report.read import find_report, read_report
from edgebuild.report.write import facts_digest, newest_report, write_report
from tests.report.sample import passing_facts, sample_facts

FILES = {"index.html", "report.json", "report.md", "junit.xml", "headline.svg", "assets"}


def later(facts: RunFacts, started: str = "2026-01-31T13:30:00Z") -> RunFacts:
    """The same build an hour later, everything from the cache."""
    targets = tuple(replace(target, stages=(StageFacts("data", "cached", 0.0, ()),)) for target in facts.targets)
    return replace(facts, run=replace(facts.run, started=started, seconds=0.7), targets=targets)


def changed(facts: RunFacts) -> RunFacts:
    first = facts.targets[0]
    figures = (*first.figures, Figure("accuracy", 97.0, "%", "measured", 96.0, 98.0, 0.95, "test"))
    return later(replace(facts, targets=(replace(first, figures=figures), *facts.targets[1:])))


def test_a_report_has_all_files_and_its_id_inside(tmp_path: Path) -> None:
    folder = write_report(sample_facts(), tmp_path / "reports")
    assert {path.name for path in folder.iterdir()} == FILES
    assert folder.name == f"20260131T120000Z-{facts_digest(sample_facts())[:8]}"
    assert read_report(folder).run.id == folder.name
    assert (folder / "assets" / "plotly.min.js").stat().st_size > 1_000_000
    assert (tmp_path / "reports" / "latest").readlink() == Path(folder.name)


def test_an_unchanged_rebuild_reuses_the_newest_report(tmp_path: Path) -> None:
    first = write_report(sample_facts(), tmp_path)
    stamp = (first / "index.html").stat().st_mtime_ns
    assert write_report(later(sample_facts()), tmp_path) == first
    assert (first / "index.html").stat().st_mtime_ns == stamp
    assert newest_report(tmp_path) == first


def test_a_change_makes_a_new_report_and_latest_follows(tmp_path: Path) -> None:
    first = write_report(sample_facts(), tmp_path)
    second = write_report(changed(sample_facts()), tmp_path)
    assert second != first
    assert (tmp_path / "latest").readlink() == Path(second.name)
    third = write_report(later(sample_facts(), "2026-01-31T14:00:00Z"), tmp_path)
    assert third not in (first, second)
    assert (tmp_path / "latest").readlink() == Path(third.name)


def test_the_plot_library_is_stored_once_for_all_reports(tmp_path: Path) -> None:
    first = write_report(sample_facts(), tmp_path) / "assets" / "plotly.min.js"
    second = write_report(changed(sample_facts()), tmp_path) / "assets" / "plotly.min.js"
    assert first.samefile(second)


def test_a_failure_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = write_report(sample_facts(), tmp_path)

    def fail(*_: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(page, "render_page", fail)
    with pytest.raises(StoreError, match="No space left on device"):
        write_report(changed(sample_facts()), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {kept.name, "latest", ".assets"}
    assert (tmp_path / "latest").readlink() == Path(kept.name)


def test_what_a_killed_build_left_is_removed_and_what_another_writes_is_not(tmp_path: Path) -> None:
    for name, age in ((".writing-old", 7200), (".writing-now", 0)):
        (tmp_path / name).mkdir()
        os.utime(tmp_path / name, (time.time() - age, time.time() - age))
    write_report(sample_facts(), tmp_path)
    assert [path.name for path in tmp_path.glob(".writing-*")] == [".writing-now"]


def test_a_reports_folder_that_cannot_be_made_is_a_store_error(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("a file in the way")
    with pytest.raises(StoreError, match="cannot write a report"):
        write_report(sample_facts(), tmp_path / "reports")


def test_the_unchanged_path_imports_neither_plotly_nor_jinja(tmp_path: Path) -> None:
    facts = write_report(sample_facts(), tmp_path) / "report.json"
    program = (
        "import json, sys; from pathlib import Path\n"
        "from edgebuild.report.facts import RunFacts; from edgebuild.report.write import write_report\n"
        f"facts = RunFacts.from_json(json.loads(Path({str(facts)!r}).read_text()))\n"
        f"write_report(facts, Path({str(tmp_path)!r}))\n"
        "heavy = {'plotly', 'jinja2', 'torch', 'rich'} & set(sys.modules)\n"
        "sys.exit(', '.join(sorted(heavy)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_reports_are_found_by_id_beginning_path_and_latest(tmp_path: Path) -> None:
    first = write_report(sample_facts(), tmp_path)
    second = write_report(later(passing_facts()), tmp_path)
    assert find_report(None, tmp_path) == second.resolve()
    assert find_report(first.name, tmp_path) == first
    assert find_report("20260131T1200", tmp_path) == first
    assert find_report(str(first), tmp_path) == first
    assert find_report(str(first / "report.json"), tmp_path) == first
    with pytest.raises(ConfigError, match="is the beginning of 2 reports"):
        find_report("2026", tmp_path)
    with pytest.raises(ConfigError, match=f"did you mean '{first.name}'"):
        find_report(first.name[:-1] + "z", tmp_path)


def test_no_report_and_a_broken_report_are_clear_errors(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no report in") as caught:
        find_report(None, tmp_path)
    assert "edgebuild build" in str(caught.value.remedy)
    folder = write_report(sample_facts(), tmp_path)
    (folder / "report.json").write_text('{"schema_version": 1')
    with pytest.raises(ConfigError, match="is not JSON"):
        read_report(folder)


def test_report_json_is_the_facts_and_nothing_else(tmp_path: Path) -> None:
    folder = write_report(sample_facts(), tmp_path)
    raw = json.loads((folder / "report.json").read_text())
    raw["run"]["id"] = ""
    assert raw == sample_facts().to_json()
