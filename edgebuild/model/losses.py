"""The training loss of a project: by name, by the kind of the targets, or the user's own function."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebuild.errors import ConfigError
from edgebuild.model.class_axis import IGNORED, class_axis
from edgebuild.model.user_code import call_user, load_callable

if TYPE_CHECKING:
    import torch

Loss = Callable[[Mapping[str, "torch.Tensor"], "torch.Tensor"], "torch.Tensor"]
"""(outputs by name [n, ...], targets [n, ...]) -> scalar"""

LOSSES = ("auto", "cross_entropy", "tokens", "bce", "mse", "mae", "huber")
"""`auto`: cross_entropy for labels with several scores, bce for labels with one score, mse for real targets.

The classes of cross_entropy are dimension 1; `tokens` is the same with the classes last: [n, t, classes] and [n, t].
"""


def resolve_loss(name: str, label_smoothing: float, project_root: Path) -> Loss:
    """The loss called `name` over the first output, or the user's `module:function(outputs, targets)`.

    Raises:
        ConfigError: there is no such loss.
    """
    if ":" in name:
        return _user_loss(name, project_root)
    if name not in LOSSES:
        msg = f"train.loss: found {name!r}, expected {', '.join(LOSSES)} or 'module:function'"
        raise ConfigError(msg)

    def compute(outputs: Mapping[str, torch.Tensor], targets: torch.Tensor) -> torch.Tensor:
        scores = next(iter(outputs.values()))
        kind = _fitting(scores, targets) if name == "auto" else name
        if kind == "tokens":
            return _tokens(scores, targets, label_smoothing)
        return _builtin(kind, scores, targets, label_smoothing)

    return compute


def _fitting(scores: torch.Tensor, targets: torch.Tensor) -> str:
    if targets.is_floating_point():
        return "mse"
    if class_axis(scores.shape, targets.shape) == 2:
        return "tokens"
    several = scores.ndim >= 2 and scores.shape[1] > 1 and scores.shape != targets.shape
    return "cross_entropy" if several else "bce"


def _builtin(kind: str, scores: torch.Tensor, targets: torch.Tensor, label_smoothing: float) -> torch.Tensor:
    from torch.nn import functional

    if kind == "cross_entropy":
        labels = targets.reshape(len(targets)) if scores.ndim == 2 and targets.ndim == 2 else targets
        return _cross_entropy(scores, labels, label_smoothing)
    if scores.numel() != targets.numel():
        found = f"outputs {tuple(scores.shape)} and targets {tuple(targets.shape)}"
        msg = f"train.loss: {kind} got {found}; expected one shape"
        raise ConfigError(msg)
    expected = targets.reshape(scores.shape).to(scores.dtype)
    if kind == "bce":
        return functional.binary_cross_entropy_with_logits(scores, expected)
    if kind == "mae":
        return functional.l1_loss(scores, expected)
    return functional.mse_loss(scores, expected) if kind == "mse" else functional.huber_loss(scores, expected)


def _tokens(scores: torch.Tensor, targets: torch.Tensor, label_smoothing: float) -> torch.Tensor:
    if scores.shape[:-1] != targets.shape:
        found = f"outputs {tuple(scores.shape)} and targets {tuple(targets.shape)}"
        msg = f"train.loss: tokens got {found}; expected outputs [n, t, classes] and targets [n, t]"
        raise ConfigError(msg)
    return _cross_entropy(scores.flatten(0, -2), targets.flatten(), label_smoothing)


def _cross_entropy(scores: torch.Tensor, labels: torch.Tensor, label_smoothing: float) -> torch.Tensor:
    """The mean over the labels that count: IGNORED ones do not."""
    from torch.nn import functional

    counting = labels[labels != IGNORED] if labels.numel() else labels
    if not counting.numel():
        return scores.sum() * 0.0
    _check_labels(counting, scores.shape[1])
    return functional.cross_entropy(scores, labels, label_smoothing=label_smoothing, ignore_index=IGNORED)


def _check_labels(labels: torch.Tensor, classes: int) -> None:
    low, high = int(labels.min()), int(labels.max())
    if low < 0 or high >= classes:
        expected = f"0 to {classes - 1}, as the model gives {classes} scores"
        msg = f"train data: found labels from {low} to {high}, expected {expected}"
        raise ConfigError(
            msg, remedy="number the classes from 0, or give the model as many outputs as there are classes"
        )


def _user_loss(reference: str, project_root: Path) -> Loss:
    import torch

    function = load_callable(reference, project_root)

    def compute(outputs: Mapping[str, torch.Tensor], targets: torch.Tensor) -> torch.Tensor:
        value = next(iter(outputs.values())) if len(outputs) == 1 else dict(outputs)
        result: Any = call_user(reference, project_root, (value, targets), function=function)
        if not isinstance(result, torch.Tensor) or result.numel() != 1:
            found = tuple(result.shape) if isinstance(result, torch.Tensor) else type(result).__name__
            msg = f"loss {reference!r} returned {found}, expected a tensor with one number"
            raise ConfigError(msg)
        return result.reshape(())

    return compute


def counted(targets: torch.Tensor) -> float:
    """How many samples count: all of them, less the share of targets that are IGNORED."""
    number = float(len(targets))
    if targets.is_floating_point() or targets.dim() < 2:
        return number
    ignored = int((targets == IGNORED).sum())
    return number * (1 - ignored / targets.numel()) if ignored else number


def as_tensors(
    inputs: Mapping[str, np.ndarray], targets: np.ndarray | None, device: torch.device | None = None
) -> tuple[tuple[torch.Tensor, ...], torch.Tensor]:
    """A batch of arrays as tensors on a device (the CPU): inputs in order, and targets.

    Raises:
        ConfigError: there are no targets.
    """
    import torch

    if targets is None:
        msg = "found samples without targets, expected pairs (x, y)"
        raise ConfigError(msg)
    tensors = [torch.from_numpy(np.array(array)) for array in (*inputs.values(), targets)]
    placed = tensors if device is None or device.type == "cpu" else [tensor.to(device) for tensor in tensors]
    return tuple(placed[:-1]), placed[-1]
