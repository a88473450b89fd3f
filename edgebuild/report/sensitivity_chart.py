"""How sensitive the layers are, as a plot: the metric against the share of each layer's channels cut alone."""

from __future__ import annotations

from edgebuild.report.chart_style import COLOURS, Chart, axis, layout
from edgebuild.report.sensitivity_facts import SensitivityCurve, SensitivityFacts

MAX_CURVES = 12
"""More would not be told apart; the most sensitive ones are shown."""
DASHES = ("solid", "dash", "dot")


def sensitivity_chart(facts: SensitivityFacts) -> Chart | None:
    """One line per layer from the uncut model on, in forward order; None without curves."""
    if not facts.curves:
        return None
    worst = sorted(facts.curves, key=lambda curve: abs(curve.points[-1].quality - facts.whole), reverse=True)
    shown = [curve for curve in facts.curves if curve in worst[:MAX_CURVES]]
    traces = []
    for index, curve in enumerate(shown):
        name = _name(curve)
        traces.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": name,
                "x": [0.0, *(point.ratio for point in curve.points)],
                "y": [facts.whole, *(point.quality for point in curve.points)],
                "line": {"color": f"@c{index % COLOURS}", "width": 1.6, "dash": DASHES[index // COLOURS % len(DASHES)]},
                "marker": {"size": 5, "color": f"@c{index % COLOURS}"},
                "hovertemplate": f"<b>{name}</b>, %{{x:.0%}} of {curve.channels} cut: %{{y:.4g}}<extra></extra>",
            }
        )
    unit = f" [{facts.unit}]" if facts.unit else ""
    drawn = layout(
        330,
        xaxis={
            **axis(f"share of channels cut in one layer, by {facts.importance}"),
            "tickformat": ".0%",
            "range": [0, 1],
        },
        yaxis=axis(f"{facts.metric}{unit}, {facts.samples} samples, not trained"),
        showlegend=True,
        legend={"orientation": "h", "y": -0.28, "x": 0},
    )
    return {"data": traces, "layout": drawn}


def _name(curve: SensitivityCurve) -> str:
    first, *others = curve.layers
    return f"{first} + {len(others)}" if others else first
