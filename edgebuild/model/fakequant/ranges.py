"""The ranges of activations that a model's record holds, found again in whatever graph an exporter made of the model.

A tensor of the file is recognised by its values: run on the same samples, it holds the same numbers as an activation of
the model, in whatever order of axes. Names would not do: fusing, folding and laying out change them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebuild.model.fakequant.instrument import check_labels
from edgebuild.model.fakequant.scheme import scheme_of
from edgebuild.model.fakequant.steps import Steps
from edgebuild.model.model_folder import ModelRecord, read_record

if TYPE_CHECKING:
    import torch

SAMPLES = 4
"""How many of the calibration samples tensors are recognised by."""

_ORDER_STATISTICS = 65
_TOLERANCE = 1e-3
"""Of the largest magnitude: float results differ by far less, other activations by far more."""


@dataclass(frozen=True)
class Fingerprint:
    """A tensor's values whatever their order: how many there are, and evenly spaced ones of the sorted."""

    size: int
    values: np.ndarray

    @staticmethod
    def of(values: np.ndarray) -> Fingerprint:
        """Of all the values of an array."""
        flat = np.sort(values.astype(np.float64).ravel())
        chosen = np.linspace(0, flat.size - 1, min(flat.size, _ORDER_STATISTICS)).astype(np.int64)
        return Fingerprint(flat.size, flat[chosen])

    def is_silent(self) -> bool:
        """True for a tensor of zeros, which cannot be told from another one."""
        return self.size == 0 or bool(np.abs(self.values[[0, -1]]).max() < np.finfo(np.float32).tiny)

    def distance(self, other: Fingerprint) -> float:
        """Largest difference as a share of the largest magnitude; infinite where the sizes differ."""
        if self.size != other.size:
            return float("inf")
        return float(np.abs(self.values - other.values).max() / np.abs(self.values).max())


@dataclass(frozen=True)
class ActivationRanges:
    """The steps of every group of activations, with the values that they have on some samples."""

    fingerprints: tuple[tuple[Fingerprint, Steps], ...]

    def of(self, values: np.ndarray) -> Steps | None:
        """The steps of the activation that has these values on the samples, the nearest; None where none has them."""
        mine = Fingerprint.of(values)
        if mine.is_silent():
            return None
        near = [(mine.distance(known), number) for number, (known, _) in enumerate(self.fingerprints)]
        distance, number = min(near, default=(float("inf"), 0))
        return self.fingerprints[number][1] if distance <= _TOLERANCE else None


def read_steps(record: ModelRecord) -> dict[str, Steps]:
    """Label of a group -> its steps, as the record has them; empty where no step of the plan decided them."""
    scheme: Mapping[str, Any] = record.quantization or {}
    return {str(item["at"]): Steps.from_json(item) for item in scheme.get("ranges", ())}


def write_steps(steps: Mapping[str, Steps]) -> list[dict[str, Any]]:
    """What `read_steps` reads, for `ModelRecord.quantization["ranges"]`."""
    return [{"at": label, **found.to_json()} for label, found in steps.items()]


def read_samples(folder: Path, names: Iterable[str]) -> dict[str, np.ndarray]:
    """The first calibration samples of a model folder, in the order of the model's arguments."""
    return {name: np.load(folder / f"calibration.{name}.npy")[:SAMPLES] for name in names}


def ranges_of_folder(folder: Path, project_root: Path) -> ActivationRanges | None:
    """The ranges that the record of a model folder holds, ready to be found again; None where it holds none.

    Raises:
        ConfigError: the model cannot be traced, or is not the one that the ranges were trained for.
    """
    from edgebuild.model.exportable import check_exportable
    from edgebuild.model.load import rebuild

    record = read_record(folder)
    steps = read_steps(record)
    if not steps:
        return None
    samples = read_samples(folder, record.input_names)
    exported = check_exportable(rebuild(folder, project_root), samples, project_root)
    return activation_ranges(exported.module(), samples, steps, record.float_layers)


def activation_ranges(
    graph: torch.fx.GraphModule,
    samples: Mapping[str, np.ndarray],
    steps: Mapping[str, Steps],
    float_layers: Collection[str] = (),
) -> ActivationRanges:
    """Run the float graph of a model, traced with a batch of one, and remember every activation that has steps.

    Raises:
        ConfigError: the model has not the groups that `steps` were trained for.
    """
    scheme = scheme_of(graph.graph, float_layers)
    check_labels(scheme, steps)
    labels = scheme.labels()
    values = activations(graph, samples, scheme.group_of)
    found = [(Fingerprint.of(array), steps[labels[scheme.group_of[name]]]) for name, array in values.items()]
    return ActivationRanges(tuple((mark, known) for mark, known in found if not mark.is_silent()))


def activations(
    graph: torch.fx.GraphModule, samples: Mapping[str, np.ndarray], names: Iterable[str]
) -> dict[str, np.ndarray]:
    """Node name -> its values over the samples [n, ...], for the nodes of `names` that are one tensor.

    A number that the model's code multiplies with is a tensor without dimensions in some graphs: no activation.
    """
    import torch

    wanted = frozenset(names)
    rows: dict[str, list[np.ndarray]] = {}

    class Watch(torch.fx.Interpreter):
        def run_node(self, n: torch.fx.Node) -> Any:
            result = super().run_node(n)
            if n.name in wanted and isinstance(result, torch.Tensor) and result.dim():
                rows.setdefault(n.name, []).append(result.detach().numpy().copy())
            return result

    for node in list(graph.graph.nodes):
        if node.op == "call_module" and node.target == "_guards_fn":
            graph.graph.erase_node(node)
    watch = Watch(graph)
    with torch.no_grad():
        for row in range(min(len(array) for array in samples.values())):
            watch.run(*(torch.from_numpy(np.array(array[row : row + 1])) for array in samples.values()))
    return {name: np.concatenate(arrays) for name, arrays in rows.items()}
