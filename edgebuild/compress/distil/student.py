"""Training a student, and what came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgebuild.compress.distil.peers import Peers
from edgebuild.compress.scale import Measurement, Scale
from edgebuild.compress.step import StepContext
from edgebuild.compress.training import Training
from edgebuild.errors import ConfigError, InternalError
from edgebuild.model.addition import Addition
from edgebuild.model.data_folder import read_inputs
from edgebuild.model.load import build_factory, factory_source, rebuild
from edgebuild.model.model_folder import read_record

if TYPE_CHECKING:
    import torch

    from edgebuild.compress.distil.step import DistilStep


@dataclass(frozen=True)
class Trained:
    """A trained student.

    Attributes:
        source: of its record; None where it is the model of the step before, trained further.
        before: of the model of the step before.
        lost: how much worse the student is than that, in the metric's unit.
        channels: output channels of its convolutions and linear layers, by name.
        history: one row per epoch.
    """

    model: torch.nn.Module
    source: dict[str, Any] | None
    before: Measurement
    after: Measurement
    lost: float
    channels: Mapping[str, int]
    history: Sequence[Mapping[str, Any]]


def train_student(context: StepContext, parameters: DistilStep, scale: Scale) -> Trained:
    """Build the student, train it and measure it.

    Raises:
        ConfigError: it cannot take the data or be exported, its outputs are others, or a teacher does not fit.
    """
    model = rebuild(context.model, context.project_root)
    before = scale.measure(model)
    source = None
    additions: list[Addition] = []
    # A table that only names peers asks for no teacher.
    training = Training(context, parameters, None if parameters.silent() else parameters)
    if parameters.student is not None:
        source = factory_source(parameters.student, parameters.kwargs)
        model = _fresh(context, parameters.student, source, context.seed, model)
        if parameters.peers:
            seeds = range(context.seed + 1, context.seed + 1 + parameters.peers)
            peers = [build_factory(source, context.project_root, seed) for seed in seeds]
            additions.append(Peers(peers, training.loss()))
    started = {name: value.clone() for name, value in model.state_dict().items()}
    history = training.tune(model, parameters.epochs, additions=additions)
    if all(bool((value == started[name]).all()) for name, value in model.state_dict().items()):
        msg = "distil: no weight changed in training"
        raise InternalError(msg)
    after = scale.measure(model)
    rows = [row.to_json() for row in history]
    return Trained(model, source, before, after, scale.lost(before, after), _channels(model, after), rows)


def _fresh(
    context: StepContext, name: str, source: Mapping[str, Any], seed: int, replaced: torch.nn.Module
) -> torch.nn.Module:
    """The student with its initial weights; it must be able to stand where `replaced` stood."""
    from edgebuild.model.exportable import check_exportable, run_once

    names, arrays = read_record(context.model).output_names, read_inputs(context.data, "validation")
    student = build_factory(source, context.project_root, seed).eval()
    expected = run_once(replaced, arrays, context.project_root, names)
    found = run_once(student, arrays, context.project_root)
    if list(found.values()) != list(expected.values()):
        msg = (
            f"distil: the student {name!r} gives outputs {_shapes(found)} a sample, the model in whose place it comes "
            f"{_shapes(expected)}; expected the same"
        )
        raise ConfigError(msg, remedy="let the student return what the model returns, in the same order")
    check_exportable(student, arrays, context.project_root)
    return student


def _shapes(outputs: Mapping[str, tuple[int, ...]]) -> str:
    return " and ".join(str(shape[1:]) for shape in outputs.values())


def _channels(model: torch.nn.Module, measured: Measurement) -> dict[str, int]:
    """Output channels of what takes multiply-accumulates and has a weight of its own."""
    from torch import nn

    found = {}
    for name in measured.layer_macs:
        layer = model.get_submodule(name)
        if measured.layer_macs[name] and isinstance(layer, (nn.Conv1d, nn.Conv2d, nn.Conv3d)):
            found[name] = layer.out_channels
        elif measured.layer_macs[name] and isinstance(layer, nn.Linear):
            found[name] = layer.out_features
    return found
