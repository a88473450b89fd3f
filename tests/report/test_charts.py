"""Every plot is a valid plotly figure, and every colour it names is in the style sheet."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import plotly.graph_objects as go
import pytest

import edgebuild.report
from edgebuild.report import charts
from edgebuild.report.chart_style import Chart
from edgebuild.report.facts import LayerFacts, PrecisionFacts
from edgebuild.report.ledger_chart import ledger_chart
from edgebuild.report.profile_facts import OpProfile
from tests.report.sample import baseline, error_target, passing_facts, sample_facts, target

STYLE = (Path(edgebuild.report.__file__).parent / "templates" / "style.css").read_text()


def _all_charts() -> Iterator[Chart]:
    facts, one = passing_facts(), target("android-arm64", 1)
    assert one.census is not None
    for chart in (
        charts.accuracy_chart(facts, "file_size"),
        charts.accuracy_chart(facts, "host_latency"),
        ledger_chart(baseline().ledger, one),
        charts.profile_chart(one.profile),
        charts.device_profile_chart(one.device_profile),
        charts.layers_chart(one.layers),
        charts.precision_chart((PrecisionFacts("stem", 0.1, 0.0, "int8", "int8"),)),
        charts.census_chart(one.census),
    ):
        assert chart is not None
        yield chart


@pytest.mark.parametrize("chart", list(_all_charts()))
def test_plotly_accepts_the_chart(chart: Chart) -> None:
    text = json.dumps(chart)
    for name in set(re.findall(r'"@([a-z0-9]+)"', text)):
        assert f"--{name}:" in STYLE
    go.Figure(json.loads(re.sub(r'"@[a-z0-9]+"', '"#123456"', text)))


def test_points_carry_both_intervals_and_the_baseline_is_a_line() -> None:
    chart = charts.accuracy_chart(passing_facts(), "host_latency")
    assert chart is not None
    assert [trace["name"] for trace in chart["data"]][-1] == "float baseline"
    assert all(trace["error_y"]["array"] and trace["error_x"]["array"] for trace in chart["data"])
    assert chart["layout"]["shapes"][0]["y0"] == 98.61


def test_targets_without_a_figure_have_no_point_and_no_empty_chart() -> None:
    chart = charts.accuracy_chart(sample_facts(), "file_size")
    assert chart is not None
    assert "cortex-m4" not in [trace["name"] for trace in chart["data"]]
    assert charts.accuracy_chart(replace(sample_facts(), targets=(error_target(),)), "file_size") is None
    assert charts.profile_chart(()) is None
    assert charts.layers_chart((LayerFacts("same", None),)) is None


def test_the_waterfall_ends_at_the_size_of_the_file() -> None:
    one = target("android-arm64", 1)
    chart = ledger_chart(baseline().ledger, one)
    assert chart is not None
    waterfall = chart["data"][0]
    assert one.artifact is not None
    assert sum(waterfall["y"][:-1]) == pytest.approx(waterfall["y"][-1]) == pytest.approx(one.artifact.bytes / 1024)


def test_a_long_profile_shows_the_slowest_operations_in_file_order() -> None:
    profile = [OpProfile("CONV_2D", None, float(index % 50)) for index in range(100)]
    chart = charts.profile_chart(profile)
    assert chart is not None
    bars = chart["data"][0]
    assert len(bars["x"]) == charts.MAX_BARS
    assert min(bars["x"]) >= 35
    positions = [int(name.split()[0]) for name in bars["y"]]
    assert positions == sorted(positions)


def test_the_profile_of_a_device_says_where_it_was_measured_and_what_the_sum_is_worth() -> None:
    chart = charts.device_profile_chart(target("raspberry-pi-4", 2).device_profile)
    assert chart is not None
    title = chart["layout"]["xaxis"]["title"]["text"]
    assert title == "ms, median, measured on pi-on-the-desk; together 104% of the whole inference, 1.2 ms"
    assert charts.device_profile_chart(None) is None


def test_the_worst_layer_stands_out() -> None:
    chart = charts.layers_chart([LayerFacts("a", 30.0), LayerFacts("b", 11.0), LayerFacts("c", None)])
    assert chart is not None
    assert chart["data"][0]["marker"]["color"] == ["@c2", "@bad"]


def test_sensitivities_are_coloured_by_the_type_that_a_layer_was_given() -> None:
    rows = (
        PrecisionFacts("a", 0.01, 0.0, "int8", "int8"),
        PrecisionFacts("b", 0.5, 1.2, "float32", "int8"),
    )
    chart = charts.precision_chart(rows)
    assert chart is not None
    assert chart["data"][0]["y"] == ["a: int8", "b: float32"]
    assert chart["data"][0]["marker"]["color"] == ["@c0", "@c1"]
    assert charts.precision_chart(()) is None


def test_two_steps_of_one_kind_keep_their_own_places_on_the_axis() -> None:
    one = target("android-arm64", 1)
    (export,) = (row for row in one.ledger if row.title == "Export")
    steps = tuple(
        replace(export, title=f"prune: {kind} pruning of everything") for kind in ("structured", "unstructured")
    )
    chart = ledger_chart(baseline().ledger, replace(one, ledger=(*steps, export)))
    assert chart is not None
    assert chart["data"][0]["x"] == ["Train", "prune", "prune (2)", "Export", "File"]
