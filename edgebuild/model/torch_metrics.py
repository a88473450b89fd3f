"""Metrics of torchmetrics by name, with the task and the number of classes taken from the arrays."""

from __future__ import annotations

import ast
import difflib
import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebuild.errors import ConfigError
from edgebuild.model.class_axis import IGNORED, class_axis
from edgebuild.model.metric import Metric, first_output
from edgebuild.model.text_metrics import OF_TEXTS, bleu

if TYPE_CHECKING:
    import torch

SHORT_NAMES: dict[str, tuple[str, dict[str, Any]]] = {
    "accuracy": ("Accuracy", {}),
    "auroc": ("AUROC", {}),
    "average_precision": ("AveragePrecision", {}),
    "bleu": ("BLEUScore", {}),
    "balanced_accuracy": ("Accuracy", {"average": "macro"}),
    "f1": ("F1Score", {"average": "macro"}),
    "iou": ("JaccardIndex", {}),
    "kappa": ("CohenKappa", {}),
    "mae": ("MeanAbsoluteError", {}),
    "mcc": ("MatthewsCorrCoef", {}),
    "mse": ("MeanSquaredError", {}),
    "perplexity": ("Perplexity", {"ignore_index": IGNORED}),
    "precision": ("Precision", {"average": "macro"}),
    "r2": ("R2Score", {}),
    "recall": ("Recall", {"average": "macro"}),
    "rmse": ("MeanSquaredError", {"squared": False}),
    "sacre_bleu": ("SacreBLEUScore", {}),
}
"""Our name -> torchmetrics class and what we ask of it where that is not its own default."""

_NOT_SHARES = ("CohenKappa", "MatthewsCorrCoef")
"""They reach below zero, whatever their plot bounds say."""


def check_name(name: str, plain: Sequence[str]) -> None:
    """Hold `name` against the classes that the installed torchmetrics lists, without importing it.

    Raises:
        ConfigError: no such metric.
    """
    spec = importlib.util.find_spec("torchmetrics")
    if name in SHORT_NAMES or spec is None or spec.origin is None:
        return
    tree = ast.parse(Path(spec.origin).read_bytes())
    listed = [node.value for node in tree.body if isinstance(node, ast.Assign) and _is_all(node.targets[0])]
    classes = {str(cls) for value in listed for cls in ast.literal_eval(value) if str(cls)[:1].isupper()}
    if classes and name not in classes:
        raise _unknown(name, {*plain, *SHORT_NAMES}, classes)


def _is_all(target: ast.expr) -> bool:
    return isinstance(target, ast.Name) and target.id == "__all__"


def torchmetrics_metric(name: str, kwargs: Mapping[str, Any], plain: Sequence[str], project_root: Path) -> Metric:
    """The metric called `name` here or in torchmetrics, made with `kwargs`.

    Metrics of texts take `decode` among them, which makes texts of token ids (`edgebuild.model.text_metrics`).

    `plain` are the names that are computed without torchmetrics, for the suggestion in an error.

    Raises:
        ConfigError: no such metric, or it does not take `kwargs`.
    """
    import torchmetrics

    classes = {cls for cls in torchmetrics.__all__ if isinstance(getattr(torchmetrics, cls), type)}
    class_name, defaults = SHORT_NAMES.get(name, (name, {}))
    if class_name not in classes:
        raise _unknown(name, {*plain, *SHORT_NAMES}, classes)
    options = {**defaults, **kwargs}
    decode = options.pop("decode", None) if class_name in OF_TEXTS else None
    cls = getattr(torchmetrics, class_name)
    try:
        example = _make(cls, options, {"task": "multiclass", "num_classes": 3})
    except (TypeError, ValueError) as error:
        msg = f"metric {name!r} cannot be made with {options or 'no options'}: {error}"
        raise ConfigError(msg, remedy=f"see the parameters of torchmetrics.{class_name}") from error
    if class_name in OF_TEXTS:
        return bleu(name, example, decode, project_root)
    share = (example.plot_lower_bound, example.plot_upper_bound) == (0.0, 1.0) and class_name not in _NOT_SHARES

    def compute(outputs: Mapping[str, np.ndarray], targets: np.ndarray) -> float:
        whole = class_name == "Perplexity"
        predictions, expected, task = _as_task(first_output(outputs), targets, as_they_are=whole)
        try:
            value = float(_make(cls, options, task)(predictions, expected))
        except (TypeError, ValueError, RuntimeError) as error:
            found = f"outputs {first_output(outputs).shape} and targets {targets.shape}"
            msg = f"metric {name!r} cannot be computed from {found}: {str(error).partition(chr(10))[0]}"
            raise ConfigError(msg, remedy=f"see the inputs of torchmetrics.{class_name}") from error
        return value * (100.0 if share else 1.0)

    return Metric(name, "%" if share else "1", bool(example.higher_is_better), compute)


def _make(cls: Any, options: Mapping[str, Any], task: Mapping[str, Any]) -> Any:
    """An instance; classification classes choose their implementation by `task`."""
    from torchmetrics.classification.base import _ClassificationTaskWrapper

    if not issubclass(cls, _ClassificationTaskWrapper):
        return cls(**options)
    merged = {**task, **options}
    if merged["task"] == "binary":
        merged.pop("average", None)
    return cls(**merged)


def _as_task(
    outputs: np.ndarray, targets: np.ndarray, *, as_they_are: bool
) -> tuple[torch.Tensor, torch.Tensor, dict[str, Any]]:
    """Tensors in the shapes that torchmetrics wants, and the task they are; or as they are, for no task."""
    import torch

    expected = torch.from_numpy(np.array(targets))
    values = torch.from_numpy(np.array(outputs))
    if as_they_are:
        return values, expected, {}
    if targets.dtype.kind != "i":
        return (values.reshape(expected.shape) if values.numel() == expected.numel() else values), expected, {}
    if outputs.ndim >= 2 and outputs.shape[1] > 1:
        if class_axis(outputs.shape, targets.shape) == 2:
            counts = expected.flatten() != IGNORED
            task = {"task": "multiclass", "num_classes": int(outputs.shape[2])}
            return values.flatten(0, 1)[counts], expected.flatten()[counts], task
        if targets.shape == outputs.shape:
            return values, expected, {"task": "multilabel", "num_labels": int(outputs.shape[1])}
        labels = expected.reshape(len(expected)) if outputs.ndim == 2 else expected
        return values, labels, {"task": "multiclass", "num_classes": int(outputs.shape[1])}
    return values.reshape(-1), expected.reshape(-1), {"task": "binary"}


def _unknown(name: str, short: set[str], classes: set[str]) -> ConfigError:
    lowered = {candidate.lower(): candidate for candidate in sorted(classes | short)}
    near = difflib.get_close_matches(name.lower(), lowered, n=1)
    hint = f"; did you mean {lowered[near[0]]!r}?" if near else ""
    remedy = f"name one of {', '.join(sorted(short))}, a class of torchmetrics, or your own 'module:function'"
    return ConfigError(f"unknown metric {name!r}{hint}", remedy=remedy)
