"""How long a build still takes, from what its stages took before."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from statistics import median

from edgebuild.graph.graph import Graph
from edgebuild.graph.records import KeyRecord
from edgebuild.graph.store import Store

_SURE_FRACTION = 0.05
"""From this share on, a running stage's own progress says more about its end than its history."""


class TimeEstimate:
    """Seconds per stage: of its own last run, else the median of the last runs of its kind, else unknown."""

    def __init__(self, graph: Graph, store: Store) -> None:
        """Reads the records of the graph's stages."""
        self._graph = graph
        self._readers = graph.readers()
        records = {stage.id: store.last(stage.id) for stage in graph}
        by_kind: dict[str, list[float]] = {}
        for record in records.values():
            if record is not None:
                by_kind.setdefault(str(record.components.get("kind")), []).append(record.seconds)
        self._seconds = {stage.id: _expected(records[stage.id], by_kind.get(stage.kind)) for stage in graph}
        self._whole = self._chains({})

    def seconds(self, stage_id: str) -> float | None:
        """What the stage is expected to take; None where neither it nor its kind ran before."""
        return self._seconds[stage_id]

    def chain(self, stage_id: str) -> float:
        """Seconds of the longest chain of stages that starts with this one; unknown stages count one second."""
        return self._whole[stage_id]

    def remaining(
        self, unsettled: Collection[str], running: Mapping[str, tuple[float, float]], slots: int
    ) -> float | None:
        """Seconds until all of `unsettled` are done.

        Args:
            unsettled: ids of the stages that are not finished; all of them count as if they had to run.
            running: id -> (seconds since it started, fraction done).
            slots: how many run at once.

        Returns:
            The larger of the longest chain and the total work shared by the slots; None where a stage is unknown.
        """
        left: dict[str, float] = {}
        for stage_id in unsettled:
            seconds = self._left(stage_id, *running.get(stage_id, (0.0, 0.0)))
            if seconds is None:
                return None
            left[stage_id] = seconds
        settled = {stage.id: 0.0 for stage in self._graph if stage.id not in left}
        longest = max(self._chains({**settled, **left}).values(), default=0.0)
        return max(longest, sum(left.values()) / slots)

    def _left(self, stage_id: str, elapsed: float, fraction: float) -> float | None:
        if fraction >= _SURE_FRACTION:
            return elapsed * (1 - fraction) / fraction
        seconds = self._seconds[stage_id]
        return None if seconds is None else max(seconds - elapsed, 0.0)

    def _chains(self, own: Mapping[str, float]) -> dict[str, float]:
        chains: dict[str, float] = {}
        for stage in reversed(self._graph.order()):
            seconds = own.get(stage.id, self._seconds[stage.id])
            after = max((chains[reader] for reader in self._readers[stage.id]), default=0.0)
            chains[stage.id] = after + (1.0 if seconds is None else seconds)
        return chains


def _expected(record: KeyRecord | None, of_kind: list[float] | None) -> float | None:
    if record is not None:
        return record.seconds
    return median(of_kind) if of_kind else None
