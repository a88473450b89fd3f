"""The build graph: stages, what each needs, and an order in which all inputs come first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from edgebuild.errors import InternalError
from edgebuild.graph.canonical import plain
from edgebuild.graph.stage import Stage


class Graph:
    """Stages by id. Iterating gives them in an order where every input comes before its reader."""

    def __init__(self, stages: Iterable[Stage] = ()) -> None:
        self._stages: dict[str, Stage] = {}
        for stage in stages:
            self.add(stage)

    def add(self, stage: Stage) -> Stage:
        """Add a stage (its inputs may follow later); its parameters are stored as plain JSON values.

        Raises:
            InternalError: the id is taken, or the parameters are not JSON values.
        """
        if stage.id in self._stages:
            msg = f"stage {stage.id!r} is twice in the graph"
            raise InternalError(msg)
        stored = replace(
            stage,
            params=plain(stage.params, f"{stage.id}: params"),
            inputs=dict(stage.inputs),
            files=dict(stage.files),
            code=tuple(stage.code),
        )
        self._stages[stage.id] = stored
        return stored

    def __getitem__(self, stage_id: str) -> Stage:
        if stage_id not in self._stages:
            msg = f"no stage {stage_id!r} in the graph; it has: {', '.join(self._stages)}"
            raise InternalError(msg)
        return self._stages[stage_id]

    def __contains__(self, stage_id: object) -> bool:
        return stage_id in self._stages

    def __len__(self) -> int:
        return len(self._stages)

    def __iter__(self) -> Iterator[Stage]:
        return iter(self.order())

    def order(self) -> list[Stage]:
        """All stages, inputs first, otherwise in the order they were added.

        Raises:
            InternalError: an input is not in the graph, or stages need each other in a circle.
        """
        done: dict[str, Stage] = {}
        for stage_id in self._stages:
            self._visit(stage_id, done, [])
        return list(done.values())

    def subgraph(self, stage_ids: Iterable[str]) -> Graph:
        """A graph of these stages and everything they need."""
        done: dict[str, Stage] = {}
        for stage_id in stage_ids:
            self._visit(stage_id, done, [])
        return Graph(done.values())

    def readers(self) -> dict[str, list[str]]:
        """Stage id -> ids of the stages that read its artifact."""
        readers: dict[str, list[str]] = {stage_id: [] for stage_id in self._stages}
        for stage in self.order():
            for source in dict.fromkeys(stage.inputs.values()):
                readers[source].append(stage.id)
        return readers

    def _visit(self, stage_id: str, done: dict[str, Stage], trail: list[str]) -> None:
        if stage_id in done:
            return
        if stage_id in trail:
            circle = " -> ".join([*trail[trail.index(stage_id) :], stage_id])
            msg = f"stages need each other in a circle: {circle}"
            raise InternalError(msg)
        stage = self[stage_id]
        for role, source in sorted(stage.inputs.items()):
            if source not in self._stages:
                msg = f"stage {stage_id!r} reads {role!r} from {source!r}, which is not in the graph"
                raise InternalError(msg)
            self._visit(source, done, [*trail, stage_id])
        done[stage_id] = stage
