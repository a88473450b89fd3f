"""Mutual learning: further students are trained beside the first, and all learn from each other."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from edgebuild.compress.distil.kinds.soft_targets import soft_loss
from edgebuild.model.addition import Addition, TrainStep
from edgebuild.model.precision import forward

if TYPE_CHECKING:
    import torch

_TEMPERATURE = 1.0
"""As in the paper: the students are about equally sure of themselves."""


class Peers(Addition):
    """Students of one factory with other initial weights, trained in the same steps on the same batches.

    Zhang et al., Deep Mutual Learning, CVPR 2018, equations 5 and 8 to 10: to the task's loss each student adds the
    divergence of its answer from those of the others, averaged, which count as constant. The peers are thrown away.
    """

    def __init__(self, peers: Sequence[torch.nn.Module], loss: Callable[[object, torch.Tensor], torch.Tensor]) -> None:
        """`loss` is that of the task: (outputs as the model returns them, targets) -> scalar."""
        self._peers, self._loss = list(peers), loss

    @contextlib.contextmanager
    def attached(self, model: torch.nn.Module, sample: tuple[torch.Tensor, ...]) -> Iterator[None]:
        """Put the peers in train mode: they stay in it, as nobody asks how good they are."""
        for peer in self._peers:
            peer.train().to(sample[0].device)
        yield

    def parameters(self) -> list[torch.nn.Parameter]:
        """Those of all peers."""
        return [parameter for peer in self._peers for parameter in peer.parameters()]

    def buffers(self) -> list[torch.Tensor]:
        """Running means and the like, of all peers."""
        return [value for peer in self._peers for value in peer.buffers()]

    def state(self) -> dict[str, torch.Tensor]:
        """The buffers, such as running means; parameters are kept with those of the optimizer."""
        return {f"{i}.{name}": value for i, peer in enumerate(self._peers) for name, value in peer.named_buffers()}

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Set the buffers."""
        for name, value in self.state().items():
            value.copy_(state[name])

    def loss(self, step: TrainStep) -> torch.Tensor:
        """The losses of all peers, and what everybody learns from everybody else."""
        answers = [next(iter(step.outputs.values()))]
        total = answers[0].new_zeros(())
        for peer in self._peers:
            outputs = forward(peer, step.inputs, step.precision)
            total = total + self._loss(outputs, step.targets)
            answers.append(next(iter(outputs.values())))
        for own in answers:
            others = [answer.detach() for answer in answers if answer is not own]
            for other in others:
                total = total + soft_loss(own, other, step.targets, _TEMPERATURE) / len(others)
        return total
