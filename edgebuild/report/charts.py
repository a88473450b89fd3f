"""The plots of the page, as plotly figures in plain JSON.

Colours are names of CSS variables (`@ink`, `@c0`): the page resolves them, so that one plot suits a light and a dark
page. Written without importing plotly, which costs most of a second; the tests build every spec with plotly to prove
it valid.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgebuild.figure import Figure
from edgebuild.report.chart_style import COLOURS, Chart, axis, known, layout
from edgebuild.report.facts import (
    CensusFacts,
    LayerFacts,
    PrecisionFacts,
    RunFacts,
    find_figure,
)
from edgebuild.report.profile_facts import DeviceProfile, OpProfile
from edgebuild.report.wording import interval_text, label, value_text

SYMBOLS = ("circle", "diamond", "square", "triangle-up", "triangle-down", "pentagon", "star", "hexagon")
MAX_BARS = 30
DTYPES = ("int8", "float32", "int32", "float16", "int16", "uint8", "int4")
"""Each has its own colour in every plot; others share what is left."""


def accuracy_chart(facts: RunFacts, against: str) -> Chart | None:
    """Accuracy against the figure named `against`, one point per target, the baseline as a line.

    Returns:
        None where no target has both figures.
    """
    traces = [
        _point(target.name, index, target.figure(against), target.figure("accuracy"))
        for index, target in enumerate(facts.targets)
        if known(target.figure(against)) and known(target.figure("accuracy"))
    ]
    if not traces:
        return None
    base_y = find_figure(facts.baseline.figures, "accuracy")
    base_x = find_figure(facts.baseline.figures, against)
    unit = next(f.unit for t in facts.targets if (f := t.figure(against)) is not None)
    if base_x is not None and known(base_x) and base_y is not None and known(base_y):
        traces.append(_baseline_point(base_x, base_y))
    drawn = layout(
        330,
        xaxis={**axis(f"{label(against)} [{_axis_unit(unit)}]"), "rangemode": "tozero"},
        yaxis=axis("Accuracy" if base_y is None else f"Accuracy [{base_y.unit}]"),
        showlegend=True,
        legend={"orientation": "h", "y": -0.28, "x": 0},
        shapes=_baseline_shapes(base_y),
    )
    return {"data": traces, "layout": drawn}


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


def profile_chart(profile: Sequence[OpProfile], title: str = "ms, median, on the build host") -> Chart | None:
    """Time per operation in file order, the slowest ones where there are many; None without a profile."""
    if not profile:
        return None
    slowest = sorted(range(len(profile)), key=lambda i: -profile[i].median_ms)[:MAX_BARS]
    shown = [(index, profile[index]) for index in sorted(slowest)]
    total = sum(op.median_ms for op in profile) or 1.0
    names = [f"{index}  {op.layer or op.op}" for index, op in shown]
    hover = [f"{op.op} {op.layer or ''}<br>{op.median_ms:.4g} ms, {op.median_ms / total:.1%}" for _, op in shown]
    return _bars(names, [op.median_ms for _, op in shown], hover, "@c0", title)


def device_profile_chart(profile: DeviceProfile | None) -> Chart | None:
    """Time per operation on a real device, and how all of them compare with the whole; None without a profile."""
    if profile is None:
        return None
    whole = f"together {profile.ratio:.0%} of the whole inference, {profile.whole_ms:.4g} ms"
    return profile_chart(profile.operations, f"ms, median, measured on {profile.device}; {whole}")


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


def precision_chart(layers: Sequence[PrecisionFacts]) -> Chart | None:
    """Noise of the outputs per layer in forward order, coloured by the type that it was given; None without layers.

    Where there are many layers, the noisiest.
    """
    noisiest = sorted(layers, key=lambda row: -row.noise)[:MAX_BARS]
    shown = [row for row in layers if row in noisiest]
    if not shown:
        return None
    hover = [f"{row.layer}: the metric loses {row.lost:.3g}; it becomes {row.dtype}" for row in shown]
    colours = [f"@c{_dtype_rank(row.dtype)[0] % COLOURS}" for row in shown]
    title = f"error of the outputs over their energy, this layer alone in {shown[0].coarse}; colours: its type"
    names = [f"{row.layer}: {row.dtype}" for row in shown]
    return _bars(names, [row.noise for row in shown], hover, colours, title)


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
    drawn = layout(
        90 + 24 * len(names),
        xaxis={**axis(title), "rangemode": "tozero"},
        yaxis={**axis(), "autorange": "reversed", "type": "category", "automargin": True, "showgrid": False},
        showlegend=False,
        bargap=0.3,
    )
    return {"data": [trace], "layout": drawn}


def census_chart(census: CensusFacts) -> Chart | None:
    """Stored bytes by role, stacked by dtype; None where the file stores nothing."""
    stored = [row for row in census.tensors if row.bytes]
    if not stored:
        return None
    roles = sorted({row.role for row in stored})
    traces = []
    for dtype in sorted({row.dtype for row in stored}, key=_dtype_rank):
        by_role = {row.role: row for row in stored if row.dtype == dtype}
        traces.append(
            {
                "type": "bar",
                "orientation": "h",
                "name": dtype,
                "y": roles,
                "x": [by_role[role].bytes / 1024 if role in by_role else 0 for role in roles],
                "customdata": [by_role[role].count if role in by_role else 0 for role in roles],
                "marker": {"color": f"@c{_dtype_rank(dtype)[0] % COLOURS}"},
                "hovertemplate": f"%{{y}}, {dtype}: %{{x:.4g}} KiB in %{{customdata}} tensors<extra></extra>",
            }
        )
    drawn = layout(
        150 + 30 * len(roles),
        xaxis=axis("stored bytes [KiB]"),
        yaxis={**axis(), "automargin": True, "showgrid": False},
        barmode="stack",
        showlegend=True,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )
    return {"data": traces, "layout": drawn}


def _dtype_rank(dtype: str) -> tuple[int, str]:
    return (DTYPES.index(dtype) if dtype in DTYPES else len(DTYPES), dtype)
