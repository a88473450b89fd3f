"""Training with a penalty on the channels that could be cut, and what became of those that are."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebuild.compress.prune.coupled import CoupledChannels
from edgebuild.compress.prune.groups import ChannelGroup, Choice
from edgebuild.compress.prune.sparsify.parameters import Sparsify
from edgebuild.compress.prune.sparsify.penalties import SPARSIFIERS
from edgebuild.compress.training import Training
from edgebuild.errors import ConfigError
from edgebuild.model.addition import Addition, TrainStep

if TYPE_CHECKING:
    import torch


class ChannelPenalty(Addition):
    """Adds the penalty of one kind on the channels of all groups to the loss."""

    def __init__(self, parameters: Sparsify, groups: Sequence[ChannelGroup]) -> None:
        """`groups` are those of the model that will be trained."""
        self._parameters, self._groups = parameters, groups
        self._channels: list[CoupledChannels] = []

    @contextlib.contextmanager
    def attached(self, model: torch.nn.Module, sample: tuple[torch.Tensor, ...]) -> Iterator[None]:
        """Find the weights of every channel.

        Raises:
            ConfigError: the penalty has nothing to hold on to.
        """
        self._channels = [CoupledChannels(model, group) for group in self._groups]
        if self._penalty() is None:
            kind = self._parameters.kind
            msg = f"prune.sparsify: {kind} penalises {SPARSIFIERS.get(kind).title}, but the model has none to cut"
            raise ConfigError(msg, remedy="take sparsify.kind: group_lasso")
        yield
        self._channels = []

    def loss(self, step: TrainStep) -> torch.Tensor:
        """The penalty times its weight."""
        penalty = self._penalty()
        assert penalty is not None, "seen when it was attached"
        return self._parameters.weight * penalty

    def _penalty(self) -> torch.Tensor | None:
        return SPARSIFIERS.get(self._parameters.kind).penalty(self._channels)


@dataclass(frozen=True)
class Regularised:
    """A model that was trained with a penalty.

    Attributes:
        norms: name of a group -> norm of each of its channels, in the model as it came and now [2, size].
        history: one row per epoch.
    """

    model: torch.nn.Module
    norms: dict[str, np.ndarray]
    history: list[dict[str, Any]]

    def fell(self, choice: Choice) -> dict[str, dict[str, float]]:
        """Mean norm of the channels that `choice` cuts, and of all others, before and after the training."""
        cut, kept = [], []
        for name, norms in self.norms.items():
            gone = np.zeros(norms.shape[1], dtype=bool)
            gone[list(choice.get(name, ()))] = True
            cut.append(norms[:, gone])
            kept.append(norms[:, ~gone])
        return {"cut": _means(cut), "kept": _means(kept)}


def regularise(
    model: torch.nn.Module,
    groups: Sequence[ChannelGroup],
    parameters: Sparsify,
    training: Training,
    part: tuple[float, float],
) -> Regularised:
    """A copy of `model` trained with the penalty, to its last epoch: an earlier one would have larger channels.

    `part` is from where to where in the work of the step this leads.

    Raises:
        ConfigError: the penalty has nothing to hold on to.
    """
    before = _norms(model, groups)
    trained = copy.deepcopy(model)
    own = training.with_loop(parameters).to_the_end()
    rows = own.tune(trained, parameters.epochs, *part, additions=[ChannelPenalty(parameters, groups)])
    after = _norms(trained, groups)
    norms = {name: np.stack([before[name], after[name]]) for name in before}
    return Regularised(trained, norms, [row.to_json() for row in rows])


def _norms(model: torch.nn.Module, groups: Sequence[ChannelGroup]) -> dict[str, np.ndarray]:
    import torch

    with torch.no_grad():
        return {group.name: CoupledChannels(model, group).squares().sqrt().double().numpy() for group in groups}


def _means(norms: Sequence[np.ndarray]) -> dict[str, float]:
    before, after = np.concatenate(norms, axis=1).mean(axis=1)
    return {"before": float(before), "after": float(after)}
