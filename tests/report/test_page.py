"""The page says everything, escapes what users wrote, and asks the network for nothing."""

import re
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest

from edgebuild.report.facts import RunFacts
from edgebuild.report.page import render_page
from edgebuild.report.picture import headline_svg
from tests.report.sample import passing_facts, sample_facts

VOID = {"meta", "link", "br", "img", "input", "hr"}


class Balance(HTMLParser):
    """Fails on a tag that is closed out of order, and collects what a browser would load."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loads: list[str] = []
        self.ids: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            self.open.append(tag)
        for key, value in attrs:
            if key in ("src", "href", "xlink:href", "srcset", "data") and value:
                self.loads.append(value)
            if key == "id" and value:
                self.ids.append(value)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        return


@pytest.fixture(scope="module")
def page() -> str:
    return render_page(sample_facts(), "assets/plotly.min.js")


def test_the_page_is_well_formed_and_loads_only_what_lies_beside_it(page: str) -> None:
    parser = Balance()
    parser.feed(page)
    assert parser.open == []
    outside = [link for link in parser.loads if ":" in link and not link.startswith("data:")]
    assert outside == []
    assert "assets/plotly.min.js" in parser.loads
    assert len(parser.ids) == len(set(parser.ids))
    addresses = set(re.findall(r"(?:https?:)?//[a-z][^\s\"'<]*", page))
    assert addresses == {"http://www.w3.org/2000/svg"}
    assert "@import" not in page
    assert "url(" not in page


def test_every_target_has_a_row_and_a_section(page: str) -> None:
    for target in sample_facts().targets:
        assert f'href="#target-{target.name}"' in page
        assert f'id="target-{target.name}"' in page


def test_what_a_user_wrote_is_escaped(page: str) -> None:
    assert "<b>up.1</b>" not in page
    assert "&lt;b&gt;up.1&lt;/b&gt;" in page


def test_the_page_shows_proof_findings_budgets_and_digests(page: str) -> None:
    facts = sample_facts()
    for target in facts.targets:
        for claim in target.claims:
            assert claim.evidence in page
        for finding in target.findings:
            assert finding.message in page
        if target.artifact:
            assert target.artifact.sha256 in page
    assert "not measured" in page
    assert "not all targets passed" in page
    assert "all targets passed" in render_page(passing_facts(), "assets/plotly.min.js")
    for name, version in facts.tools.items():
        assert f"<dt>{name}</dt><dd>{version}</dd>" in page


def test_a_script_end_in_a_name_cannot_leave_its_script() -> None:
    raw = passing_facts().to_json()
    raw["targets"][0]["name"] = "</script><script>alert(1)</script>"
    raw["targets"][0]["profile"][0]["layer"] = "</script><script>alert(2)</script>"
    assert "<script>alert" not in render_page(RunFacts.from_json(raw), "assets/plotly.min.js")


def test_the_picture_is_xml_with_a_row_per_built_target() -> None:
    root = ET.fromstring(headline_svg(sample_facts()))
    texts = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    for name in ("float baseline", "android-arm64", "raspberry-pi-4", "edge-tpu", "cortex-m4"):
        assert name in texts
    assert "desk-toy" not in texts
    assert "not measured" in texts


def test_the_picture_marks_stay_inside_their_columns() -> None:
    root = ET.fromstring(headline_svg(passing_facts()))
    width = float(root.get("width", "0"))
    for circle in root.iter("{http://www.w3.org/2000/svg}circle"):
        assert 0 < float(circle.get("cx", "nan")) < width
    for bar in root.iter("{http://www.w3.org/2000/svg}rect"):
        assert float(bar.get("x", "nan")) + float(bar.get("width", "nan")) <= width
