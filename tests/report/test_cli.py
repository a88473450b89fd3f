"""`edgebuild report` prints the summary and the path, or the same facts as JSON."""

import json
from dataclasses import replace
from io import StringIO
from pathlib import Path

import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from edgebuild.cli.report import report
from edgebuild.errors import ConfigError
from edgebuild.figure import Figure
from edgebuild.report.headline import headline
from edgebuild.report.summary import print_summary, summary_table
from edgebuild.report.wording import DASH
from edgebuild.report.write import write_report
from tests.report.sample import passing_facts, sample_facts

app = typer.Typer(pretty_exceptions_enable=False)
app.command()(report)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "edgebuild.yaml").write_text("name: sample\n")
    write_report(sample_facts(), tmp_path / "reports")
    newer = replace(passing_facts(), run=replace(passing_facts().run, started="2026-02-01T09:00:00Z"))
    write_report(newer, tmp_path / "reports")
    return tmp_path / "edgebuild.yaml"


def test_the_latest_report_is_shown_with_its_path(project: Path) -> None:
    result = CliRunner().invoke(app, ["--project", str(project)], env={"COLUMNS": "100"})
    assert result.exit_code == 0
    assert "4 targets" in result.stdout
    assert "report: " in result.stdout
    assert "index.html" in result.stdout


def test_json_is_the_report_and_nothing_else(project: Path) -> None:
    result = CliRunner().invoke(app, ["20260131", "--project", str(project), "--json"])
    facts = json.loads(result.stdout)
    assert facts["report"]["run"]["id"].startswith("20260131T120000Z-")
    assert Path(facts["path"]).is_dir()


def test_compare_names_what_changed(project: Path) -> None:
    runner = CliRunner()
    text = runner.invoke(app, ["--project", str(project), "--compare", "20260131"], env={"COLUMNS": "100"})
    assert "within noise" in text.stdout
    assert "figures changed" in text.stdout
    raw = json.loads(runner.invoke(app, ["--project", str(project), "--compare", "20260131", "--json"]).stdout)
    assert {change["verdict"] for change in raw["changes"]} >= {"same", "changed", "within noise"}


def test_an_unknown_run_is_an_error_that_names_the_known(project: Path) -> None:
    result = CliRunner().invoke(app, ["nonsense", "--project", str(project)])
    assert isinstance(result.exception, ConfigError)
    assert "Known: 20260131T120000Z-" in str(result.exception)


def test_the_summary_fits_a_hundred_columns_without_losing_a_name() -> None:
    console = Console(width=100, record=True, file=Path("/dev/null").open("w"))  # noqa: SIM115
    console.print(summary_table(sample_facts()))
    lines = console.export_text().splitlines()
    assert max(len(line.rstrip()) for line in lines) <= 100
    assert len(lines) <= 24
    text = "\n".join(lines)
    for target in sample_facts().targets:
        assert target.name in text
    assert "…" not in text


@pytest.mark.parametrize("width", [100, 60])
def test_what_is_known_of_a_device_is_said_with_its_kind(width: int) -> None:
    facts = sample_facts()
    number = next(place for place, target in enumerate(facts.targets) if target.artifact)
    target, latency = facts.targets[number], Figure("latency", 0.146, "ms", "estimated", 0.103, 0.208)
    figures = (*(figure for figure in target.figures if figure.name != "latency"), latency)
    targets = list(facts.targets)
    targets[number] = replace(target, figures=figures)
    shown = StringIO()
    print_summary(Console(width=width, file=shown, highlight=False), replace(facts, targets=tuple(targets)))
    assert shown.getvalue().count("device latency") == 1
    assert "device latency 0.146 ms [0.103, 0.208] estimated\n" in shown.getvalue()


def test_a_narrow_terminal_gets_lines_that_fold_no_name_and_no_number() -> None:
    shown = StringIO()
    console = Console(width=60, file=shown, highlight=False)
    print_summary(console, sample_facts())
    text = shown.getvalue()
    for row in headline(sample_facts()):
        assert f"\n{row.target}: {row.verdict}\n" in text
        assert row.size == DASH or row.size in text
    assert "─" not in text
