"""The plots of a compiled model: what each layer executes, the arena over time, and where the flash went."""

from __future__ import annotations

from typing import Any

from edgebuild.report.chart_style import COLOURS, Chart, axis, layout
from edgebuild.report.firmware_facts import FirmwareFacts

_KIB = 1024


def instructions_chart(facts: FirmwareFacts) -> Chart:
    """Instructions of every layer in one inference, in the order they run."""
    total = sum(layer.instructions for layer in facts.layers) or 1
    hover = [
        f"{layer.op} {layer.layer}<br>kernel {layer.kernel}<br>{layer.instructions:,} instructions, "
        f"{layer.instructions / total:.1%}"
        + (f"<br>{layer.instructions / layer.macs:.2f} per MAC" if layer.macs else "")
        for layer in facts.layers
    ]
    trace = {
        "type": "bar",
        "orientation": "h",
        "y": [f"{number}  {layer.layer}" for number, layer in enumerate(facts.layers)],
        "x": [layer.instructions / 1000 for layer in facts.layers],
        "marker": {"color": "@c0"},
        "customdata": hover,
        "hovertemplate": "%{customdata}<extra></extra>",
    }
    drawn = layout(
        90 + 24 * len(facts.layers),
        xaxis={**axis(f"thousand instructions of one inference, {facts.core}"), "rangemode": "tozero"},
        yaxis={**axis(), "autorange": "reversed", "type": "category", "automargin": True, "showgrid": False},
        showlegend=False,
        bargap=0.3,
    )
    return {"data": [trace], "layout": drawn}


def memory_chart(facts: FirmwareFacts) -> Chart:
    """The arena over time: a box per buffer, as wide as it is needed and as high as it is large."""
    buffers = sorted(facts.memory, key=lambda one: (one.first_layer, one.offset))
    trace = {
        "type": "bar",
        "x": [(one.first_layer + one.last_layer) / 2 for one in buffers],
        "width": [one.last_layer - one.first_layer + 1 for one in buffers],
        "base": [one.offset / _KIB for one in buffers],
        "y": [one.bytes / _KIB for one in buffers],
        "marker": {
            "color": [f"@c{number % COLOURS}" for number in range(len(buffers))],
            "opacity": 0.75,
            "line": {"color": "@card", "width": 1},
        },
        "customdata": [
            f"{one.name}<br>{one.bytes:,} B at {one.offset:,}<br>layers {one.first_layer} to {one.last_layer}"
            for one in buffers
        ],
        "hovertemplate": "%{customdata}<extra></extra>",
    }
    drawn = layout(
        330,
        xaxis={**axis("layer"), "dtick": max(1, len(facts.layers) // 12)},
        yaxis={**axis("arena [KiB]"), "rangemode": "tozero"},
        barmode="overlay",
        showlegend=False,
        shapes=[_level(facts.arena_bytes, "solid"), _level(facts.arena_lower_bound, "dash")],
        annotations=[
            _note(facts.arena_bytes, f"arena {facts.arena_bytes:,} B"),
            *(
                [_note(facts.arena_lower_bound, f"lower bound {facts.arena_lower_bound:,} B", "top")]
                if facts.arena_lower_bound < facts.arena_bytes
                else []
            ),
        ],
    )
    return {"data": [trace], "layout": drawn}


def flash_chart(facts: FirmwareFacts) -> Chart:
    """Bytes of flash by what they hold, as one bar."""
    traces = [
        {
            "type": "bar",
            "orientation": "h",
            "name": part.name,
            "y": ["flash"],
            "x": [part.bytes / _KIB],
            "marker": {"color": f"@c{number % COLOURS}"},
            "hovertemplate": f"{part.name}: {part.bytes:,} B<extra></extra>",
        }
        for number, part in enumerate(facts.flash)
        if part.bytes
    ]
    drawn = layout(
        170,
        xaxis=axis("flash [KiB]"),
        yaxis={**axis(), "automargin": True, "showgrid": False},
        barmode="stack",
        showlegend=True,
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
    )
    return {"data": traces, "layout": drawn}


def _level(size: int, dash: str) -> dict[str, Any]:
    line = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": size / _KIB, "y1": size / _KIB}
    return {**line, "line": {"color": "@ink", "width": 1.2, "dash": dash}}


def _note(size: int, text: str, anchor: str = "bottom") -> dict[str, Any]:
    place = {"xref": "paper", "x": 1, "xanchor": "right", "y": size / _KIB, "yanchor": anchor}
    return {**place, "text": text, "showarrow": False, "font": {"size": 11, "color": "@ink"}}
