"""How far each layer of a .pte is from the float model: its graph with all layers as outputs, run for real."""

from __future__ import annotations

import math
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebuild.errors import ToolError
from edgebuild.export.executorch.layout import lay_out
from edgebuild.export.executorch.lower import lower
from edgebuild.export.executorch.prepare import Prepared, prepare, trace
from edgebuild.export.executorch.taps import add_taps, float_node
from edgebuild.export.feed import to_raw
from edgebuild.export.format import ExportRequest, LayerError
from edgebuild.model.data_folder import read_inputs
from edgebuild.runtime.executorch_file import read_pte
from edgebuild.runtime.executorch_layers import read_guide
from edgebuild.runtime.executorch_session import ExecutorchSession

if TYPE_CHECKING:
    import torch

_MOVERS = ("XNNConvert", "XNNStaticTranspose", "XNNStaticReshape", "XNNCopy")


def layer_error(request: ExportRequest, file: Path, samples: int) -> list[LayerError]:
    """Compare every layer over the first `samples` validation inputs; layers in forward order.

    A group that the delegate folds (convolution, batch norm, activation) is one row under its first layer.

    Raises:
        ConfigError: the model cannot be exported.
        ToolError: the variant with extra outputs does not give the outputs of `file` bit for bit.
    """
    prepared = prepare(request)
    taps = add_taps(prepared.graph)
    reference, _, _ = trace(request)
    inputs = {name: array[:samples] for name, array in read_inputs(request.data, "validation").items()}
    count = min(len(array) for array in inputs.values())
    sums = np.zeros((len(taps), 2))
    names = [float_node(reference, tap) for tap in taps]
    with tempfile.TemporaryDirectory() as scratch:
        tapped = Path(scratch) / "tapped.pte"
        tapped.write_bytes(_lower_tapped(request, prepared))
        original, variant = ExecutorchSession(file, 1), ExecutorchSession(tapped, 1)
        try:
            for index in range(count):
                sample = {name: array[index : index + 1] for name, array in inputs.items()}
                expected = _float_values(reference, prepared, sample, names)
                sums += _compare(prepared, original, variant, sample, expected)
                request.progress.update(0.7 + 0.3 * (index + 1) / count, f"comparing {index + 1}/{count}")
        finally:
            original.close()
            variant.close()
    kernels = _kernels(file)
    return [
        LayerError(tap.layer, _decibel(signal, noise), kernels.get(tap.layer, "portable"), count)
        for tap, (signal, noise) in zip(taps, sums, strict=True)
    ]


def _lower_tapped(request: ExportRequest, prepared: Prepared) -> bytes:
    graph, inputs = lay_out(prepared.graph, prepared.example, request.layout)
    data, _ = lower(graph, inputs, {"inputs": [asdict(spec) for spec in prepared.inputs]}, half=prepared.half)
    return data


def _compare(
    prepared: Prepared,
    original: ExecutorchSession,
    variant: ExecutorchSession,
    sample: dict[str, np.ndarray],
    expected: list[np.ndarray],
) -> np.ndarray:
    """Signal and noise energy [taps, 2] of one sample."""
    fed = to_raw(prepared, sample)
    wanted, got = list(original.run(fed).values()), list(variant.run(fed).values())
    for spec, mine, theirs in zip(prepared.outputs, wanted, got, strict=False):
        if mine.tobytes() != theirs.tobytes():
            msg = f"the variant with every layer as an output gives another {spec.name} than the exported file"
            raise ToolError(msg, remedy="its layers would not be those of the file; compare whole outputs instead")
    rows = []
    for port, value, truth in zip(variant.outputs[len(wanted) :], got[len(wanted) :], expected, strict=True):
        logical = value.reshape(port.memory_shape).transpose(np.argsort(port.dim_order))
        found = logical.astype(np.float64).reshape(truth.shape)
        rows.append((float(np.sum(truth**2)), float(np.sum((truth - found) ** 2))))
    return np.array(rows)


def _float_values(
    graph: torch.fx.GraphModule, prepared: Prepared, sample: dict[str, np.ndarray], names: list[str]
) -> list[np.ndarray]:
    """The value of each named node of the float model on one sample."""
    import torch

    kept: dict[str, np.ndarray] = {}
    wanted = set(names)

    class Watching(torch.fx.Interpreter):
        def run_node(self, n: torch.fx.Node) -> Any:
            result = super().run_node(n)
            if n.name in wanted:
                kept[n.name] = result.detach().numpy().astype(np.float64)
            return result

    with torch.no_grad():
        Watching(graph).run(*(torch.from_numpy(np.array(sample[spec.name])) for spec in prepared.inputs))
    return [kept[name] for name in names]


def _kernels(file: Path) -> dict[str, str]:
    """Layer -> the operation of the file that computes it; the last one where there are several."""
    nodes = [node for delegate in read_guide(read_pte(file)).delegates.values() for node in delegate]
    return {node.layer: node.kind for node in nodes if node.layer and node.kind not in _MOVERS}


def _decibel(signal: float, noise: float) -> float:
    if noise == 0.0:
        return math.inf
    return 10.0 * math.log10(signal / noise) if signal else -math.inf
