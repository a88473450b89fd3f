"""report.md is a table a CI page can show."""

from markdown_it import MarkdownIt

from edgebuild.report.markdown import render_markdown
from tests.report.sample import passing_facts, sample_facts


def test_every_row_has_as_many_cells_as_the_head() -> None:
    widths: set[int] = set()
    for line in render_markdown(sample_facts()).splitlines():
        if not line.startswith("|"):
            widths = set()
            continue
        widths.add(line.replace("\\|", "").count("|"))
        assert len(widths) == 1, line


def test_markdown_renders_to_tables_with_every_target() -> None:
    html = MarkdownIt("gfm-like", {"linkify": False, "html": True}).render(render_markdown(sample_facts()))
    assert html.count("<table>") >= 4
    for target in sample_facts().targets:
        assert f"<strong>{target.name}</strong>" in html
    assert "<b>up.1</b>" not in html


def test_the_first_line_is_the_verdict() -> None:
    assert render_markdown(sample_facts()).startswith("## sample-digits: ❌ not all targets passed\n")
    assert render_markdown(passing_facts()).startswith("## sample-digits: ✅ all targets passed\n")


def test_a_missing_device_figure_says_so() -> None:
    text = render_markdown(passing_facts())
    assert "| not measured |" in text
    assert "does not predict the device" in text
