"""The graph that a file was lowered from, as PyTorch's own exported program beside it: what the file must compute."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgebuild.export.format import IoSpec
from edgebuild.runtime.pytorch_graph import GRAPH, NAMES

if TYPE_CHECKING:
    import torch


def save_graph(
    graph: torch.fx.GraphModule,
    example: Sequence[torch.Tensor],
    sides: tuple[Sequence[IoSpec], Sequence[IoSpec]],
    folder: Path,
) -> None:
    """Write a graph, quantized or not, for inputs as `example`; `sides` are its inputs and outputs."""
    import torch

    names = {side: [spec.name for spec in specs] for side, specs in zip(("inputs", "outputs"), sides, strict=True)}
    exported = torch.export.export(graph, tuple(example))
    torch.export.save(exported, folder / GRAPH, extra_files={NAMES: json.dumps(names)})
