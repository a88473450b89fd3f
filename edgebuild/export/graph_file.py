"""The graph that a file was lowered from, as PyTorch's own exported program beside it: what the file must compute."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

GRAPH = "graph.pt2"


def save_graph(graph: torch.fx.GraphModule, example: Sequence[torch.Tensor], path: Path) -> None:
    """Write a graph, quantized or not, for inputs as `example`."""
    import torch

    torch.export.save(torch.export.export(graph, tuple(example)), path)
