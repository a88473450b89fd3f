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
        if not _sizes(self._channels, self._parameters.kind):
            kind = self._parameters.kind
            msg = f"prune.sparsify: {kind} penalises {SPARSIFIERS.get(kind).title}, but what could be cut has none"
            raise ConfigError(msg, remedy="take sparsify.kind: group_lasso")
        yield
        self._channels = []

    def loss(self, step: TrainStep) -> torch.Tensor:
        """The sum of the sizes of all channels times its weight."""
        import torch

        sizes = _sizes(self._channels, self._parameters.kind)
        return self._parameters.weight * torch.stack([size.sum() for size in sizes]).sum()


@dataclass(frozen=True)
class Regularised:
    """A model that was trained with a penalty.

    Attributes:
        sizes: name of a group -> what was penalised of each of its channels, in the model as it came and now [2, size].
        history: one row per epoch.
    """

    model: torch.nn.Module
    sizes: dict[str, np.ndarray]
    history: list[dict[str, Any]]

    def fell(self, choice: Choice) -> dict[str, dict[str, float]]:
        """Mean size of the channels that `choice` cuts, and of all others, before and after the training."""
        cut, kept = [], []
        for name, sizes in self.sizes.items():
            gone = np.zeros(sizes.shape[1], dtype=bool)
            gone[list(choice.get(name, ()))] = True
            cut.append(sizes[:, gone])
            kept.append(sizes[:, ~gone])
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
    before = _sizes_of(model, groups, parameters.kind)
    trained = copy.deepcopy(model)
    own = training.with_loop(parameters).to_the_end()
    rows = own.tune(trained, parameters.epochs, *part, additions=[ChannelPenalty(parameters, groups)])
    after = _sizes_of(trained, groups, parameters.kind)
    sizes = {name: np.stack([before[name], after[name]]) for name in before}
    return Regularised(trained, sizes, [row.to_json() for row in rows])


def _sizes(channels: Sequence[CoupledChannels], kind: str) -> list[torch.Tensor]:
    """What is penalised of the channels of each group that has any."""
    sizes = [SPARSIFIERS.get(kind).size(group) for group in channels]
    return [size for size in sizes if size is not None]


def _sizes_of(model: torch.nn.Module, groups: Sequence[ChannelGroup], kind: str) -> dict[str, np.ndarray]:
    import torch

    with torch.no_grad():
        sizes = {group.name: SPARSIFIERS.get(kind).size(CoupledChannels(model, group)) for group in groups}
    return {name: size.double().numpy() for name, size in sizes.items() if size is not None}


def _means(sizes: Sequence[np.ndarray]) -> dict[str, float]:
    """Mean over all channels of the groups [2, size] before and after; 0 where there are none."""
    joined = np.concatenate(sizes, axis=1)
    before, after = joined.mean(axis=1) if joined.size else (0.0, 0.0)
    return {"before": float(before), "after": float(after)}
