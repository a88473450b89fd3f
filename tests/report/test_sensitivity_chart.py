"""The sensitivity of the layers is a valid plot, one line per layer, and stands on the page of its target."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import plotly.graph_objects as go

from edgebuild.report.facts import RunFacts
from edgebuild.report.page import render_page
from edgebuild.report.sensitivity_chart import MAX_CURVES, sensitivity_chart
from edgebuild.report.sensitivity_facts import SensitivityCurve, SensitivityFacts, SensitivityPoint
from tests.report.sample import passing_facts


def curves(count: int) -> SensitivityFacts:
    rows = [
        SensitivityCurve(
            (f"body.{number}", "skip") if number == 1 else (f"body.{number}",),
            16,
            (SensitivityPoint(0.25, 97.0), SensitivityPoint(0.5, 96.0 - number)),
        )
        for number in range(count)
    ]
    return SensitivityFacts("1-prune", "accuracy", "%", "taylor", 256, 98.0, tuple(rows))


def test_one_line_per_layer_from_the_whole_model_on() -> None:
    chart = sensitivity_chart(curves(3))
    assert chart is not None
    assert [trace["name"] for trace in chart["data"]] == ["body.0", "body.1 + 1", "body.2"]
    assert chart["data"][2]["x"] == [0.0, 0.25, 0.5]
    assert chart["data"][2]["y"] == [98.0, 97.0, 94.0]
    go.Figure(json.loads(re.sub(r'"@[a-z0-9]+"', '"#123456"', json.dumps(chart))))


def test_of_many_layers_the_most_sensitive_are_shown() -> None:
    chart = sensitivity_chart(curves(MAX_CURVES + 3))
    assert chart is not None
    names = [trace["name"] for trace in chart["data"]]
    assert names == [f"body.{number}" for number in range(3, MAX_CURVES + 3)]
    styles = {(trace["line"]["color"], trace["line"]["dash"]) for trace in chart["data"]}
    assert len(styles) == MAX_CURVES
    assert sensitivity_chart(replace(curves(0))) is None


def test_the_page_and_the_json_have_it() -> None:
    facts = passing_facts()
    first = replace(facts.targets[0], sensitivity=(curves(2),))
    told = replace(facts, targets=(first, *facts.targets[1:]))
    assert RunFacts.from_json(told.to_json()) == told
    page = render_page(told, "plotly.js")
    assert "Sensitivity of the layers before 1-prune" in page
    assert "Sensitivity of the layers" not in render_page(facts, "plotly.js")
