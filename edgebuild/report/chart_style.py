"""How all plots of the page look: colours by name, axes and margins."""

from __future__ import annotations

from typing import Any

from edgebuild.figure import Figure

Chart = dict[str, Any]

COLOURS = 7
"""Number of `--c…` variables in the style sheet."""


def known(figure: Figure | None) -> bool:
    """True where there is a figure with a value."""
    return figure is not None and figure.value is not None


def axis(title: str = "") -> dict[str, Any]:
    """Return an axis with its title, in the page's colours."""
    lines = {"gridcolor": "@grid", "linecolor": "@grid", "zerolinecolor": "@grid"}
    return {**lines, "automargin": True, "ticks": "outside", "title": {"text": title, "standoff": 10}}


def layout(height: int, **more: Any) -> dict[str, Any]:
    """Return a layout of `height` pixels that is as wide as its place; `more` overrides."""
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
