"""`edgebuild diff`: which layer of the exported file lost the accuracy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from edgebuild.cli.options import DEFAULT_PROJECT, Json, Project
from edgebuild.cli.output import emit

if TYPE_CHECKING:
    from edgebuild.graph.layer_diff import LayerDiff


def diff(
    target: Annotated[str, typer.Argument(help="A target of the project.")],
    samples: Annotated[int, typer.Option("--samples", "-n", min=1, help="Validation samples to compare over.")] = 16,
    project: Project = DEFAULT_PROJECT,
    as_json: Json = False,
) -> None:
    """Show the signal-to-noise ratio of every layer: the exported file's own kernels against the float model."""
    from edgebuild.config.load import load_project
    from edgebuild.graph.layer_diff import diff_layers
    from edgebuild.graph.progress_display import progress_display

    loaded = load_project(project)
    with progress_display() as observer:
        found = diff_layers(loaded, target, samples, observer)
    emit(found.to_json(), as_json, lambda: _render(found))


def _render(found: LayerDiff) -> None:
    from rich.console import Console
    from rich.table import Table

    samples = found.rows[0]["samples"] if found.rows else 0
    table = Table(title=f"{found.target} ({found.dtype}): every layer against float32, over {samples} samples")
    table.add_column("layer")
    table.add_column("SQNR", justify="right")
    table.add_column("")
    table.add_column("kernel")
    for row in found.rows:
        ratio = row["sqnr_db"]
        text = "equal" if ratio is None else f"{ratio:.1f} dB"
        table.add_row(row["layer"], text, _bar(ratio), row["kernel"])
    console = Console()
    console.print(table)
    if found.worst is not None:
        console.print(f"lowest: {found.worst['layer']} ({found.worst['sqnr_db']:.1f} dB)", highlight=False)
    if found.largest_fall is not None:
        console.print(f"largest fall at: {found.largest_fall['layer']}", highlight=False)


def _bar(ratio: float | None) -> str:
    """Ten blocks for 60 dB and more; an empty bar is noise as strong as the signal."""
    return "█" * (10 if ratio is None else max(0, min(10, round(ratio / 6))))
