"""What labels and scores have in common: which dimension is the classes', and the label that does not count."""

from __future__ import annotations

from collections.abc import Sequence

from edgebuild.errors import ConfigError

IGNORED = -100
"""A label that does not count, among those of a sequence or an image: PyTorch's own number for it."""


def class_axis(scores: Sequence[int], targets: Sequence[int]) -> int:
    """The dimension of the classes: 1, but the last for a sequence: scores [n, t, classes] and targets [n, t].

    Args:
        scores: shape of the model's output, batch first.
        targets: shape of the targets, which are labels.

    Raises:
        ConfigError: a sequence has as many steps as there are classes, so that the two cannot be told apart.
    """
    if len(scores) != 3 or len(targets) != 2 or scores[1] != targets[1]:
        return 1
    if scores[2] == targets[1]:
        msg = (
            f"the outputs {tuple(scores)} have two dimensions of the targets' length {targets[1]}; "
            "expected to see which one is the classes'"
        )
        raise ConfigError(msg, remedy="give the sequences another length, or the model another number of classes")
    return 2
