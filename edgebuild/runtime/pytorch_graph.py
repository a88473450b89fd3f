"""The runtime `pytorch-graph`: the graph that a file was lowered from, run by PyTorch in the place of its delegates.

For files of which nothing here can run the delegates. It shows what was handed over, not what a delegate makes of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import numpy as np

from edgebuild.config.registries import RUNTIMES
from edgebuild.errors import ToolError
from edgebuild.runtime.installed import installed_version
from edgebuild.runtime.session import Runtime

GRAPH = "graph.pt2"
"""Beside the file."""
NAMES = "names.json"
"""Inside it: names of the inputs and outputs, in order."""


class GraphSession:
    """The graph beside a file, loaded in this process; a `edgebuild.runtime.session.Session`."""

    def __init__(self, file: Path, threads: int) -> None:
        """Raises ToolError where there is no graph beside the file, or PyTorch cannot load it."""
        import torch

        torch.set_num_threads(threads)
        graph = file.with_name(GRAPH)
        inside = {NAMES: ""}
        try:
            import torchao.quantization.pt2e  # noqa: F401 (registers the operations of quantized graphs)

            self._module = torch.export.load(graph, extra_files=inside).module(check_guards=False)
            names = json.loads(inside[NAMES])
        except (OSError, RuntimeError, ValueError) as error:
            msg = f"{file.name}: the graph that it was lowered from cannot be loaded from {graph.name}: {error}"
            raise ToolError(msg, remedy="build the file again: the graph lies beside it") from error
        self._inputs, self._outputs = names["inputs"], names["outputs"]

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run once."""
        import torch

        with torch.no_grad():
            outputs = self._module(*(torch.from_numpy(np.array(inputs[name])) for name in self._inputs))
        results = outputs if isinstance(outputs, tuple | list) else (outputs,)
        return {name: result.numpy() for name, result in zip(self._outputs, results, strict=True)}

    def close(self) -> None:
        """Free the graph."""
        del self._module


def version() -> str | None:
    """Version of the installed PyTorch; None where there is none."""
    return installed_version("torch")


def _no_time(*_: object) -> NoReturn:
    msg = "PyTorch stands for delegates that do not run here: its time says nothing about theirs"
    raise ToolError(msg, remedy="measure on the device itself")


RUNTIMES.register("pytorch-graph")(
    Runtime(
        title="PyTorch, for the graph that was handed to delegates which do not run here",
        version=version,
        open=GraphSession,
        time=_no_time,
        profile=_no_time,
        remedy="pip install torch==2.13.0",
        distribution="torch",
        times=False,
    )
)
