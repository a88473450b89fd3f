"""What the outputs of a device are held against: what this host makes of the same samples, where it can tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from edgebuild.bench.board.compare import compare_with_host, host_outputs, promises_equal_outputs
from edgebuild.bench.board.edge_tpu import is_compiled, source_of
from edgebuild.bench.board.phones import phone_runtime
from edgebuild.check.finding import Finding
from edgebuild.config.registries import RUNTIMES
from edgebuild.figure import Figure
from edgebuild.runtime.pytorch_graph import GRAPH

NOT_COMPARED = "device-not-compared"
_GRAPH_RUNTIME = "pytorch-graph"
_OLD_ARM = ("armv7l", "armv6l")
"""Their runtime is an older one with other kernels."""


@dataclass(frozen=True)
class Reference:
    """What this host says.

    Attributes:
        runtime: of this host that said it.
        outputs: name -> array [samples, ...]; empty where nothing here runs the file or what stands for it.
        exact: whether the device must give the very same numbers.
        why_not: why there are no outputs, as a sentence; empty where there are.
    """

    runtime: str
    outputs: Mapping[str, np.ndarray]
    exact: bool = False
    why_not: str = ""


def reference_of(file: Path, runtime: str, samples: Mapping[str, np.ndarray]) -> Reference:
    """Run on this host what a device's outputs are compared with.

    That is the file itself; for one that was compiled for an Edge TPU the file beside it that it was compiled from; for
    one whose delegates are a phone's the graph beside it that they were given.

    Args:
        file: that the device runs.
        runtime: of this host for such files.
        samples: input -> array [samples, ...], each sample as the file wants it.

    Raises:
        ToolError: the runtime is missing or cannot run the file.
    """
    phone = phone_runtime(file)
    if phone is not None:
        if file.with_name(GRAPH).is_file():
            return Reference(_GRAPH_RUNTIME, host_outputs(_GRAPH_RUNTIME, file, samples))
        return Reference(
            _GRAPH_RUNTIME, {}, why_not=f"{file.name} runs on {phone} only, and its graph ({GRAPH}) is not beside it"
        )
    if not is_compiled(file):
        return Reference(runtime, host_outputs(runtime, file, samples), promises_equal_outputs(file))
    source = source_of(file)
    if source is not None:
        return Reference(runtime, host_outputs(runtime, source, samples))
    why_not = f"{file.name} runs on an Edge TPU only, and the file it was compiled from is not beside it"
    return Reference(runtime, {}, why_not=why_not)


def compare(
    reference: Reference, name: str, properties: Mapping[str, str], there: Mapping[str, np.ndarray]
) -> tuple[list[Figure], list[Finding]]:
    """The outputs of the device called `name`, which said `properties` of itself, against the reference."""
    if reference.why_not:
        return [], [Finding(NOT_COMPARED, reference.why_not, severity="note")]
    names = (f"{reference.runtime} {RUNTIMES.get(reference.runtime).version()} on this host", name)
    exact = reference.exact and properties["architecture"] not in _OLD_ARM
    return compare_with_host(reference.outputs, there, names, exact=exact)
