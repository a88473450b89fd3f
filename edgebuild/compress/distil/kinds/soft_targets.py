"""Soft targets: the student learns the teacher's probabilities, softened by a temperature."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgebuild.compress.distil.kinds import DISTIL_KINDS, Comparison, DistilKind, Pair, Seen

if TYPE_CHECKING:
    import torch


def soft_loss(student: torch.Tensor, teacher: torch.Tensor, targets: torch.Tensor, temperature: float) -> torch.Tensor:
    """How far the student's softened answer is from the teacher's; both outputs have one shape [n, ...].

    Hinton, Vinyals, Dean, Distilling the Knowledge in a Neural Network, 2015, section 2: the Kullback-Leibler
    divergence of the softmax over dimension 1 at a temperature T, times T^2, so that its gradients stay as large as
    those of the task's loss. A single score is the logit of a yes, of which the two probabilities are compared. Real
    targets have no probabilities: there it is the mean squared difference of the outputs.
    """
    from torch.nn import functional

    if targets.is_floating_point():
        return functional.mse_loss(student, teacher)
    if student.ndim < 2 or student.shape[1] == 1 or student.shape == targets.shape:
        logits = [value.reshape(-1, 1) / temperature for value in (student, teacher)]
        ours, theirs = (functional.logsigmoid(_both(value)) for value in logits)
    else:
        ours, theirs = (functional.log_softmax(value / temperature, 1) for value in (student, teacher))
    divergence = functional.kl_div(ours, theirs, reduction="none", log_target=True).sum(1).mean()
    return divergence * temperature**2


def _both(logit: torch.Tensor) -> torch.Tensor:
    import torch

    return torch.cat([logit, -logit], 1)


class SoftTargets(Comparison):
    """The loss at one temperature."""

    def __init__(self, pairs: Sequence[Pair], temperature: float) -> None:
        self._temperature = temperature

    def loss(self, seen: Seen) -> torch.Tensor:
        """See `soft_loss`."""
        return soft_loss(seen.student, seen.teacher, seen.targets, self._temperature)


DISTIL_KINDS.register("soft_targets")(
    DistilKind("the teacher's probabilities, softened by `temperature`", 0.7, "none", SoftTargets, shares=True)
)
