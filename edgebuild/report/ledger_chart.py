"""The ledger as a plot: what each step of a target's plan did to the bytes and to the accuracy."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from edgebuild.figure import Figure
from edgebuild.report.chart_style import Chart, axis, known, layout
from edgebuild.report.facts import LedgerRow, TargetFacts, find_figure

MAX_TITLE = 20


def ledger_chart(baseline: Sequence[LedgerRow], target: TargetFacts) -> Chart | None:
    """Bytes after each step as a waterfall, accuracy beside it; None where no step has either."""
    rows = (*baseline, *target.ledger)
    named = list(zip(_short_titles(rows), rows, strict=True))
    sizes = [(name, figure) for name, row in named if known(figure := find_figure(row.figures, "file_size"))]
    points = [(name, figure) for name, row in named if known(figure := find_figure(row.figures, "accuracy"))]
    if not sizes and not points:
        return None
    traces = [*_waterfall(sizes), *_accuracy_path(points)]
    unit = next((figure.unit for _, figure in points if figure is not None), "")
    drawn = layout(
        300,
        xaxis={**axis(), "domain": [0, 0.45], "type": "category"},
        yaxis={**axis("bytes [KiB]"), "rangemode": "tozero"},
        xaxis2={**axis(), "domain": [0.57, 1], "type": "category", "anchor": "y2"},
        yaxis2={**axis(f"accuracy [{unit}]"), "anchor": "x2"},
        showlegend=False,
    )
    return {"data": traces, "layout": drawn}


def _short_titles(rows: Sequence[LedgerRow]) -> list[str]:
    """Titles short enough for an axis, and each only once, as categories of one name would fall together."""
    names: list[str] = []
    for row in rows:
        name = row.title.partition(":")[0]
        name = name if len(name) <= MAX_TITLE else f"{name[: MAX_TITLE - 1]}…"
        again = sum(known == name or known.startswith(f"{name} (") for known in names)
        names.append(f"{name} ({again + 1})" if again else name)
    return names


def _waterfall(sizes: Sequence[tuple[str, Figure | None]]) -> list[dict[str, Any]]:
    values = [figure.value / 1024 for _, figure in sizes if figure is not None and figure.value is not None]
    if not values:
        return []
    steps = [after - before for before, after in pairwise(values)]
    names = [name for name, _ in sizes]
    text = [f"{value:.4g}" for value in values[:1]] + [f"{step:+.4g}" for step in steps] + [f"{values[-1]:.4g}"]
    return [
        {
            "type": "waterfall",
            "x": [*names, "File"],
            "y": [values[0], *steps, values[-1]],
            "measure": ["absolute", *["relative"] * len(steps), "total"],
            "text": text,
            "textposition": "auto",
            "connector": {"line": {"color": "@muted", "width": 1}},
            "increasing": {"marker": {"color": "@bad"}},
            "decreasing": {"marker": {"color": "@good"}},
            "totals": {"marker": {"color": "@c0"}},
            "hovertemplate": "%{x}: %{y:.4g} KiB<extra></extra>",
            "xaxis": "x",
            "yaxis": "y",
        }
    ]


def _accuracy_path(points: Sequence[tuple[str, Figure | None]]) -> list[dict[str, Any]]:
    known = [(name, figure) for name, figure in points if figure is not None and figure.value is not None]
    if not known:
        return []
    figures = [figure for _, figure in known]
    ends = [
        (f.low if f.low is not None else f.value, f.value, f.high if f.high is not None else f.value) for f in figures
    ]
    return [
        {
            "type": "scatter",
            "mode": "lines+markers",
            "x": [name for name, _ in known],
            "y": [figure.value for figure in figures],
            "error_y": {
                "type": "data",
                "symmetric": False,
                "array": [high - value for _, value, high in ends if high is not None and value is not None],
                "arrayminus": [value - low for low, value, _ in ends if low is not None and value is not None],
                "color": "@c0",
                "thickness": 1.4,
                "width": 5,
            },
            "line": {"color": "@c0", "width": 1.5, "dash": "dot"},
            "marker": {"size": 9, "color": "@c0"},
            "hovertemplate": "%{x}: %{y:.4g}<extra></extra>",
            "xaxis": "x2",
            "yaxis": "y2",
        }
    ]
