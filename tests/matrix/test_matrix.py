"""docs/support-matrix.md is true: every cell is built, proved in the file and run on the whole validation data."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.matrix.conftest import PROJECTS
from tests.matrix.outcome import Outcome
from tests.matrix.variants import VARIANTS, Variant

PAGE = Path(__file__).resolve().parents[2] / "docs" / "support-matrix.md"
LOST_AT_MOST = 1.0


def page_rows() -> dict[str, dict[str, str]]:
    """Project -> variant -> cell, of the page's first table; the note behind a cell is left out."""
    table = re.search(r"(?:^\|.*\n)+", PAGE.read_text(), re.MULTILINE)
    assert table
    rows = [[re.sub(r"[`¹²³⁴]", "", cell).strip() for cell in line.split("|")[1:-1]] for line in table[0].splitlines()]
    projects = rows[0][1:]
    return {name: {row[0]: row[column] for row in rows[2:]} for column, name in enumerate(projects, start=1)}


ROWS = page_rows()


def test_the_page_has_every_variant_of_every_project() -> None:
    assert sorted(ROWS) == sorted(folder.name for folder in PROJECTS.iterdir())
    for cells in ROWS.values():
        assert list(cells) == [variant.name for variant in VARIANTS]


@pytest.mark.parametrize("outcomes", sorted(ROWS), indirect=True)
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
class TestMatrix:
    def test_cell(self, outcomes: dict[str, Outcome], variant: Variant, request: pytest.FixtureRequest) -> None:
        project = request.node.callspec.params["outcomes"]
        found = outcomes[variant.name]
        assert found.cell == ROWS[project][variant.name], found.error or found.findings

    def test_the_file_computes_what_the_model_does(self, outcomes: dict[str, Outcome], variant: Variant) -> None:
        found = outcomes[variant.name]
        if found.error:
            return
        assert found.sqnr_db
        assert min(found.sqnr_db) >= variant.least_sqnr_db
        assert found.accuracy_drop <= LOST_AT_MOST

    def test_the_oldest_runtime_ran_it(self, outcomes: dict[str, Outcome], variant: Variant) -> None:
        found = outcomes[variant.name]
        if variant.oldest and not found.error:
            assert "oldest-runtime-runs" in found.notes
