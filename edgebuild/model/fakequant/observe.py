"""Statistics of activations over samples: what a range is chosen from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import torch

BINS = 2048


@dataclass(frozen=True)
class Statistics:
    """One activation over all samples.

    Attributes:
        rows: least and greatest value of each sample.
        counts: [BINS] of equal width from the least to the greatest value of all samples.
    """

    rows: tuple[tuple[float, float], ...]
    counts: np.ndarray

    @property
    def low(self) -> float:
        """The least value."""
        return min(low for low, _ in self.rows)

    @property
    def high(self) -> float:
        """The greatest value."""
        return max(high for _, high in self.rows)

    @property
    def edges(self) -> np.ndarray:
        """Where the bins begin and end [BINS + 1]."""
        return np.linspace(self.low, self.high, len(self.counts) + 1)

    @property
    def width(self) -> float:
        """Of a bin."""
        return (self.high - self.low) / len(self.counts)

    @property
    def centres(self) -> np.ndarray:
        """Of the bins [BINS]."""
        edges = self.edges
        return np.asarray((edges[1:] + edges[:-1]) / 2)


def observe(
    graph: torch.fx.GraphModule, samples: Mapping[str, np.ndarray], names: Iterable[str]
) -> dict[str, Statistics]:
    """Node name -> its statistics over `samples` (input name -> [n, ...]), run one by one through `graph`, twice."""
    wanted = frozenset(names)
    rows: dict[str, list[tuple[float, float]]] = {}
    for name, values in _results(graph, samples, wanted):
        rows.setdefault(name, []).append((float(values.min()), float(values.max())))
    ends = {name: (min(low for low, _ in found), max(high for _, high in found)) for name, found in rows.items()}
    counts = {name: np.zeros(BINS, np.int64) for name in rows}
    for name, values in _results(graph, samples, wanted):
        counts[name] += np.histogram(values, bins=BINS, range=ends[name])[0]
    return {name: Statistics(tuple(rows[name]), counts[name]) for name in rows}


def _results(
    graph: torch.fx.GraphModule, samples: Mapping[str, np.ndarray], wanted: frozenset[str]
) -> Iterable[tuple[str, np.ndarray]]:
    """(node name, its values) sample by sample."""
    import torch

    found: list[tuple[str, np.ndarray]] = []

    class Watch(torch.fx.Interpreter):
        def run_node(self, n: torch.fx.Node) -> Any:
            if n.op == "call_module" and n.target == "_guards_fn":
                return None
            result = super().run_node(n)
            if n.name in wanted and isinstance(result, torch.Tensor):
                found.append((n.name, result.detach().numpy()))
            return result

    watch = Watch(graph)
    for row in range(min(len(array) for array in samples.values())):
        with torch.no_grad():
            watch.run(*(torch.from_numpy(np.array(array[row : row + 1])) for array in samples.values()))
        yield from found
        found.clear()
