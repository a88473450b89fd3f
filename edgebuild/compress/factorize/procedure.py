"""Factorizing: find the layers, choose ranks, replace, train, measure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgebuild.compress.factorize import factors
from edgebuild.compress.factorize.candidates import Candidate, options_of
from edgebuild.compress.factorize.choose import Choice, OutOfReachError, choose
from edgebuild.compress.factorize.layers import Layer, LeftAlone, find_layers
from edgebuild.compress.factorize.methods import METHODS
from edgebuild.compress.factorize.obstacles import goal_out_of_reach, nothing_gets_cheaper
from edgebuild.compress.factorize.parameters import Factorize
from edgebuild.compress.layer_names import named_by
from edgebuild.compress.scale import Measurement, Scale
from edgebuild.compress.training import Training
from edgebuild.model.edits import replay
from edgebuild.model.edits.factorize import factorize_edit

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Replaced:
    """One layer that became factors; what it cost as it was."""

    candidate: Candidate
    macs: int
    parameters: int


@dataclass(frozen=True)
class Outcome:
    """A factorized model.

    Attributes:
        model: with its factors, and trained.
        edits: to be replayed on the model as it came.
        before, untrained, after: the model as it came, with the factors as they were computed, and after training.
        replaced: in the model's order.
        left_alone: in the model's order.
        lost: how much worse the metric is than before, in its unit.
        history: one row per epoch.
    """

    model: torch.nn.Module
    edits: tuple[dict[str, Any], ...]
    before: Measurement
    untrained: Measurement
    after: Measurement
    replaced: tuple[Replaced, ...]
    left_alone: tuple[LeftAlone, ...]
    lost: float
    history: tuple[dict[str, Any], ...]


def factorize(
    model: torch.nn.Module,
    parameters: Factorize,
    scale: Scale,
    training: Training,
    seed: int,
    earlier: Sequence[Mapping[str, Any]] = (),
) -> Outcome:
    """Replace layers of `model`, which is changed; `earlier` are the edits that made it.

    Raises:
        ConfigError: no layer gets cheaper, or the goal for the whole model is out of reach.
    """
    before = scale.measure(model)
    names = [name for name, _ in model.named_modules()]
    skipped = named_by(parameters.skip, names, "factorize.skip")
    whole = {str(edit["layer"]) for edit in earlier if edit["edit"] == "factorize"}
    layers, alone = find_layers(model, scale.sample, skipped, whole)
    try:
        choice = _choice(layers, alone, parameters, before, seed)
    except OutOfReachError as error:
        left = _ordered([*alone, *error.left_alone], names)
        raise goal_out_of_reach(parameters, before, error.saved, left) from None
    if not choice.chosen:
        raise nothing_gets_cheaper(parameters, _ordered(choice.left_alone, names))
    layer_of = {layer.name: layer for layer in layers}
    edits = tuple(factorize_edit(one.layer, one.method, one.ranks, one.factors) for one in choice.chosen)
    biases = {one.layer: _bias(model, one.layer) for one in choice.chosen}
    replay(model, edits)
    for one in choice.chosen:
        _set_weights(model, layer_of[one.layer], one, biases[one.layer], seed)
    untrained = scale.measure(model)
    history = training.tune(model, parameters.finetune.epochs)
    after = scale.measure(model) if history else untrained
    return Outcome(
        model,
        edits,
        before,
        untrained,
        after,
        tuple(Replaced(one, before.layer_macs[one.layer], _numbers(layer_of[one.layer])) for one in choice.chosen),
        tuple(_ordered(choice.left_alone, names)),
        scale.lost(before, after),
        tuple(row.to_json() for row in history),
    )


def _choice(
    layers: Sequence[Layer], alone: Sequence[LeftAlone], parameters: Factorize, before: Measurement, seed: int
) -> Choice:
    """The chosen candidates in the model's order; all that stays whole is among those left alone."""
    options = [options_of(layer, parameters, seed) for layer in layers]
    rank = parameters.rank
    allowed = None
    if rank.macs is not None:
        allowed = math.floor(rank.macs * before.macs) - _elsewhere(before.macs, (one.macs for one in options))
    if rank.parameters is not None:
        own = (one.parameters for one in options)
        allowed = math.floor(rank.parameters * before.parameters) - _elsewhere(before.parameters, own)
    choice = choose(options, parameters, allowed)
    return Choice(choice.chosen, (*alone, *choice.left_alone))


def _ordered(left_alone: Iterable[LeftAlone], names: Sequence[str]) -> list[LeftAlone]:
    return sorted(left_alone, key=lambda one: names.index(one.layer))


def _elsewhere(total: int, own: Iterable[int]) -> int:
    return total - sum(own)


def _numbers(layer: Layer) -> int:
    return factors.parameters([dict(layer.arguments)])


def _bias(model: torch.nn.Module, layer: str) -> torch.Tensor | None:
    bias: Any = model.get_submodule(layer).bias
    return None if bias is None else bias.detach().clone()


def _set_weights(
    model: torch.nn.Module, layer: Layer, candidate: Candidate, bias: torch.Tensor | None, seed: int
) -> None:
    """Give the factors their weights; the last one takes the bias."""
    import numpy as np
    import torch

    modules: list[Any] = list(model.get_submodule(layer.name).children())
    weights = METHODS.get(candidate.method).weights(layer, candidate.ranks, seed)
    with torch.no_grad():
        for module, weight in zip(modules, weights, strict=True):
            module.weight.copy_(torch.from_numpy(np.ascontiguousarray(weight)))
        if bias is not None:
            modules[-1].bias.copy_(bias)
