"""The plots of the page, as plotly figures in plain JSON.

Colours are names of CSS variables (`@ink`, `@c0`): the page resolves them, so that one plot suits a light and a dark
page. Written without importing plotly, which costs most of a second; the tests build every spec with plotly to prove
it valid.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from edgebuild.figure import Figure
from edgebuild.report.facts import (
    CensusFacts,
    LayerFacts,
    LedgerRow,
    OpProfile,
    RunFacts,
    TargetFacts,
    find_figure,
)
from edgebuild.report.wording import interval_text, label, value_text

Chart = dict[str, Any]

SYMBOLS = ("circle", "diamond", "square", "triangle-up", "triangle-down", "pentagon", "star", "hexagon")
COLOURS = 7
"""Number of `--c…` variables in the style sheet."""
MAX_BARS = 30


def accuracy_chart(facts: RunFacts, against: str) -> Chart | None:
    """Accuracy against the figure named `against`, one point per target, the baseline as a line.

    Returns:
        None where no target has both figures.
    """
    traces = [
        _point(target.name, index, target.figure(against), target.figure("accuracy"))
        for index, target in enumerate(facts.targets)
        if _known(target.figure(against)) and _known(target.figure("accuracy"))
    ]
    if not traces:
        return None
    base_y = find_figure(facts.baseline.figures, "accuracy")
    base_x = find_figure(facts.baseline.figures, against)
    unit = next(f.unit for t in facts.targets if (f := t.figure(against)) is not None)
    if base_x is not None and _known(base_x) and base_y is not None and _known(base_y):
        traces.append(_baseline_point(base_x, base_y))
    layout = _layout(
        330,
        xaxis={**_axis(f"{label(against)} [{_axis_unit(unit)}]"), "rangemode": "tozero"},
        yaxis=_axis("Accuracy" if base_y is None else f"Accuracy [{base_y.unit}]"),
        showlegend=True,
        legend={"orientation": "h", "y": -0.28, "x": 0},
        shapes=_baseline_shapes(base_y),
    )
    return {"data": traces, "layout": layout}


def _known(figure: Figure | None) -> bool:
    return figure is not None and figure.value is not None


def _scale(unit: str) -> float:
    return 1 / 1024 if unit == "B" else 1.0


def _axis_unit(unit: str) -> str:
    return "KiB" if unit == "B" else unit


def _errors(figure: Figure, scale: float, colour: str) -> dict[str, Any]:
    if figure.value is None or figure.low is None or figure.high is None:
        return {"type": "data", "array": [], "visible": False}
    return {
        "type": "data",
        "symmetric": False,
        "array": [(figure.high - figure.value) * scale],
        "arrayminus": [(figure.value - figure.low) * scale],
        "color": colour,
        "thickness": 1.4,
        "width": 5,
    }


def _point(name: str, index: int, x: Figure | None, y: Figure | None) -> dict[str, Any]:
    assert x is not None
    assert y is not None
    assert x.value is not None
    assert y.value is not None
    colour, scale = f"@c{index % COLOURS}", _scale(x.unit)
    hover = f"<b>{name}</b><br>{value_text(y)} {interval_text(y)}<br>{value_text(x)} {interval_text(x)}<extra></extra>"
    return {
        "type": "scatter",
        "mode": "markers",
        "name": name,
        "x": [x.value * scale],
        "y": [y.value],
        "error_x": _errors(x, scale, colour),
        "error_y": _errors(y, 1.0, colour),
        "marker": {"size": 11, "symbol": SYMBOLS[index % len(SYMBOLS)], "color": colour},
        "hovertemplate": hover,
    }


def _baseline_point(x: Figure, y: Figure) -> dict[str, Any]:
    trace = _point("float baseline", 0, x, y)
    trace["marker"] = {"size": 12, "symbol": "x-thin-open", "color": "@ink", "line": {"width": 2.5, "color": "@ink"}}
    trace["error_y"]["color"] = trace["error_x"]["color"] = "@ink"
    return trace


def _baseline_shapes(base: Figure | None) -> list[dict[str, Any]]:
    if base is None or base.value is None:
        return []
    line = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": base.value, "y1": base.value}
    return [{**line, "line": {"color": "@ink", "width": 1.2, "dash": "dash"}, "layer": "below"}]


def ledger_chart(baseline: Sequence[LedgerRow], target: TargetFacts) -> Chart | None:
    """Bytes after each step as a waterfall, accuracy beside it; None where no step has either."""
    rows = (*baseline, *target.ledger)
    sizes = [(row.title, figure) for row in rows if _known(figure := find_figure(row.figures, "file_size"))]
    points = [(row.title, figure) for row in rows if _known(figure := find_figure(row.figures, "accuracy"))]
    if not sizes and not points:
        return None
    traces = [*_waterfall(sizes), *_accuracy_path(points)]
    unit = next((figure.unit for _, figure in points if figure is not None), "")
    layout = _layout(
        300,
        xaxis={**_axis(), "domain": [0, 0.45], "type": "category"},
        yaxis={**_axis("bytes [KiB]"), "rangemode": "tozero"},
        xaxis2={**_axis(), "domain": [0.57, 1], "type": "category", "anchor": "y2"},
        yaxis2={**_axis(f"accuracy [{unit}]"), "anchor": "x2"},
        showlegend=False,
    )
    return {"data": traces, "layout": layout}


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


def profile_chart(profile: Sequence[OpProfile]) -> Chart | None:
    """Time per operation in file order, the slowest ones where there are many; None without a profile."""
    if not profile:
        return None
    slowest = sorted(range(len(profile)), key=lambda i: -profile[i].median_ms)[:MAX_BARS]
    shown = [(index, profile[index]) for index in sorted(slowest)]
    total = sum(op.median_ms for op in profile) or 1.0
    names = [f"{index}  {op.layer or op.op}" for index, op in shown]
    hover = [f"{op.op} {op.layer or ''}<br>{op.median_ms:.4g} ms, {op.median_ms / total:.1%}" for _, op in shown]
    return _bars(names, [op.median_ms for _, op in shown], hover, "@c0", "ms, median, on the build host")


def layers_chart(layers: Sequence[LayerFacts]) -> Chart | None:
    """Signal-to-noise ratio per layer in forward order, the worst in another colour; None without layers."""
    finite = [(layer.layer, layer.sqnr_db) for layer in layers if layer.sqnr_db is not None]
    if not finite:
        return None
    worst = sorted(finite, key=lambda item: item[1])[:MAX_BARS]
    shown = [item for item in finite if item in worst]
    colours = ["@bad" if value == worst[0][1] else "@c2" for _, value in shown]
    hover = [f"{name}<br>{value:.1f} dB" for name, value in shown]
    return _bars(
        [name for name, _ in shown], [value for _, value in shown], hover, colours, "SQNR [dB], higher is closer"
    )


def _bars(names: list[str], values: list[float], hover: list[str], colours: Any, title: str) -> Chart:
    trace = {
        "type": "bar",
        "orientation": "h",
        "y": names,
        "x": values,
        "marker": {"color": colours},
        "customdata": hover,
        "hovertemplate": "%{customdata}<extra></extra>",
    }
    layout = _layout(
        90 + 24 * len(names),
        xaxis={**_axis(title), "rangemode": "tozero"},
        yaxis={**_axis(), "autorange": "reversed", "type": "category", "automargin": True, "showgrid": False},
        showlegend=False,
        bargap=0.3,
    )
    return {"data": [trace], "layout": layout}


def census_chart(census: CensusFacts) -> Chart | None:
    """Stored bytes by role, stacked by dtype; None where the file stores nothing."""
    stored = [row for row in census.tensors if row.bytes]
    if not stored:
        return None
    roles = sorted({row.role for row in stored})
    traces = []
    for index, dtype in enumerate(sorted({row.dtype for row in stored})):
        by_role = {row.role: row for row in stored if row.dtype == dtype}
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": dtype,
                "y": roles,
                "x": [by_role[role].bytes / 1024 if role in by_role else 0 for role in roles],
                "customdata": [by_role[role].count if role in by_role else 0 for role in roles],
                "marker": {"color": f"@c{index % COLOURS}"},
                "hovertemplate": f"%{{y}}, {dtype}: %{{x:.4g}} KiB in %{{customdata}} tensors<extra></extra>",
            }
        )
    layout = _layout(
        150 + 30 * len(roles),
        xaxis=_axis("stored bytes [KiB]"),
        yaxis={**_axis(), "automargin": True, "showgrid": False},
        barmode="stack",
        showlegend=True,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )
    return {"data": traces, "layout": layout}


def _axis(title: str = "") -> dict[str, Any]:
    lines = {"gridcolor": "@grid", "linecolor": "@grid", "zerolinecolor": "@grid"}
    return {**lines, "automargin": True, "ticks": "outside", "title": {"text": title, "standoff": 10}}


def _layout(height: int, **more: Any) -> dict[str, Any]:
    return {
        "height": height,
        "margin": {"l": 64, "r": 16, "t": 30, "b": 48},
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": "@muted", "activecolor": "@ink"},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "system-ui, sans-serif", "size": 12, "color": "@ink"},
        "hoverlabel": {"bgcolor": "@card", "bordercolor": "@grid", "font": {"color": "@ink"}},
        **more,
    }
