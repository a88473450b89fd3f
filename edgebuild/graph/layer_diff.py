"""Where accuracy was lost: the exported file's layers against the float model's, made on demand."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from edgebuild.config.project import Project
from edgebuild.errors import InternalError
from edgebuild.graph.assemble import build_graph, layer_error_stage, target_stages
from edgebuild.graph.observer import Observer
from edgebuild.graph.schedule import execute
from edgebuild.graph.select import select_targets
from edgebuild.graph.store import open_store


@dataclass(frozen=True)
class LayerDiff:
    """One target's layers in forward order; rows are `{layer, sqnr_db (null: equal), kernel, samples}`."""

    target: str
    dtype: str
    rows: tuple[dict[str, Any], ...]

    @property
    def worst(self) -> dict[str, Any] | None:
        """The layer with the lowest ratio; None where every layer is equal."""
        differing = [row for row in self.rows if row["sqnr_db"] is not None]
        return min(differing, key=lambda row: float(row["sqnr_db"]), default=None)

    @property
    def largest_fall(self) -> dict[str, Any] | None:
        """The layer after which the ratio is most below that of the layer before it."""
        falls = [
            (float(before["sqnr_db"]) - float(row["sqnr_db"]), row)
            for before, row in zip(self.rows, self.rows[1:], strict=False)
            if before["sqnr_db"] is not None and row["sqnr_db"] is not None
        ]
        best = max(falls, key=lambda fall: fall[0], default=None)
        return best[1] if best is not None and best[0] > 0 else None

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "target": self.target,
            "dtype": self.dtype,
            "layers": list(self.rows),
            "worst": self.worst,
            "largest_fall": self.largest_fall,
        }


def diff_layers(project: Project, name: str, samples: int, observer: Observer) -> LayerDiff:
    """Compare the exported file of one target with the float model layer by layer, over `samples` validation samples.

    Raises:
        ConfigError: the project has no such target.
        EdgebuildError: a stage failed; its own error.
    """
    (target,) = select_targets(project, [name])
    stage = layer_error_stage(project, target, samples)
    graph = build_graph(project, [name])
    graph.add(stage)
    wanted = graph.subgraph([stage.id, target_stages(target).export])
    result = execute(wanted, open_store(project.root), project.root, jobs=1, observer=observer)
    artifact = result.artifact(stage.id)
    if artifact is None:
        raise next(iter(result.errors()), InternalError(f"{stage.id} made nothing and says nothing"))
    rows = json.loads((artifact / "layer_error.json").read_text())
    return LayerDiff(target.name, target.export.dtype, tuple(rows))
