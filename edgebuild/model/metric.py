"""The project's metric: the plain ones in numpy, any other from torchmetrics or the user's own function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from edgebuild.errors import ConfigError
from edgebuild.model.class_axis import IGNORED, class_axis
from edgebuild.model.user_code import call_user, load_callable

_CHUNK = 4_000_000
"""Numbers that are looked at together."""


@dataclass(frozen=True)
class Metric:
    """One number from a model's outputs and the targets.

    Attributes:
        name: the figure's name.
        unit: `%` for shares of one (then values are 0 to 100), `1` for anything else.
        higher_is_better: which direction is an improvement.
        compute: (outputs by name [n, ...], targets [n, ...]) -> value in `unit`.
        per_sample: the same -> one value per sample [n] whose mean is `compute`; None where there is no such thing.
        parts: the same -> numbers per sample [n, k]; `combine` makes `compute` of their sums over any samples.
        combine: sums [..., k] -> values [...]; None where there are no `parts`.
    """

    name: str
    unit: str
    higher_is_better: bool
    compute: Callable[[Mapping[str, np.ndarray], np.ndarray], float]
    per_sample: Callable[[Mapping[str, np.ndarray], np.ndarray], np.ndarray] | None = None
    parts: Callable[[Mapping[str, np.ndarray], np.ndarray], np.ndarray] | None = None
    combine: Callable[[np.ndarray], np.ndarray] | None = None


def resolve_metric(spec: str | Mapping[str, Any], project_root: Path) -> Metric:
    """The metric of a project's `metric:` section: a name, or `{name, kwargs, higher_is_better, unit}`.

    The name is `accuracy`, another of PLAIN, a torchmetrics name, or `module:function`. A user's function gets
    `(outputs, targets)` as numpy arrays (`outputs` is a mapping by name where the model has several) and returns a
    number. A torchmetrics metric gets the first output; `task` and `num_classes` are filled in from the arrays.

    `unit` (`%` by default) makes a share in [0, 1] a percentage; a metric known not to be a share has the unit `1`
    where the project names none. A user's function gives a share unless the unit says otherwise.

    Raises:
        ConfigError: there is no such metric, or the user's function cannot be loaded.
    """
    section: Mapping[str, Any] = {"name": spec} if isinstance(spec, str) else spec
    name, kwargs = str(section["name"]), dict(section.get("kwargs") or {})
    unit = str(section.get("unit") or "%")
    if ":" in name:
        metric = _user_metric(name, kwargs, unit, project_root)
    elif name in PLAIN and not kwargs:
        metric = PLAIN[name]
    else:
        from edgebuild.model.torch_metrics import torchmetrics_metric

        metric = torchmetrics_metric(name, kwargs, tuple(PLAIN), project_root)
    higher = section.get("higher_is_better")
    return replace(
        metric,
        unit=unit if unit != "%" and metric.unit == "1" else metric.unit,
        higher_is_better=metric.higher_is_better if higher is None else bool(higher),
    )


def check_metric_name(name: str) -> None:
    """Refuse a name that no metric has; quick, as nothing is imported. A `module:function` is not looked at.

    Raises:
        ConfigError: there is no such metric.
    """
    if ":" not in name and name not in PLAIN:
        from edgebuild.model.torch_metrics import check_name

        check_name(name, tuple(PLAIN))


def predicted_labels(outputs: np.ndarray, targets: Sequence[int]) -> np.ndarray:
    """The class of each sample (or pixel): the best of scores [n, classes, ...], 0 or 1 from one score [n] or [n, 1].

    `targets` is the shape of the targets: by them a sequence of scores [n, t, classes] is known. One score is taken as
    a logit (1 where > 0), or as a probability (1 where > 0.5) if all values lie in [0, 1].
    """
    if outputs.ndim >= 2 and outputs.shape[1] > 1:
        return np.asarray(outputs.argmax(axis=class_axis(outputs.shape, targets)))
    flat = outputs.reshape(len(outputs), *outputs.shape[2:])
    probabilities = flat.size > 0 and flat.min() >= 0 and flat.max() <= 1
    return (flat > (0.5 if probabilities else 0.0)).astype(np.int64)


def first_output(outputs: Mapping[str, np.ndarray]) -> np.ndarray:
    """The output that metrics with one output look at."""
    return next(iter(outputs.values()))


def _accuracy(outputs: Mapping[str, np.ndarray], targets: np.ndarray) -> np.ndarray:
    labels = predicted_labels(first_output(outputs), targets.shape)
    expected = targets.reshape(labels.shape) if targets.size == labels.size else targets
    _same_shape("accuracy", labels, expected)
    right = (labels == expected).reshape(len(labels), -1)
    counts = (expected != IGNORED).reshape(len(labels), -1)
    if expected.ndim < 2 or counts.all():
        return np.asarray(100.0 * right.mean(axis=1))
    return np.asarray(100.0 * (right & counts).sum(axis=1) / np.maximum(counts.sum(axis=1), 1))


def _likelihoods(outputs: Mapping[str, np.ndarray], targets: np.ndarray) -> np.ndarray:
    """Per sample the sum of -log p of its tokens, and how many tokens count [n, 2]."""
    scores = first_output(outputs)
    if scores.ndim != 3 or scores.shape[:2] != targets.shape:
        msg = f"metric 'perplexity': the model gives {scores.shape}, the targets are {targets.shape}"
        msg += "; expected scores [n, t, classes] and targets [n, t]"
        raise ConfigError(msg)
    sums = np.zeros((len(scores), 2))
    step = max(1, _CHUNK // max(1, scores[0].size))
    for start in range(0, len(scores), step):
        part, labels = scores[start : start + step].astype(np.float64), targets[start : start + step]
        counts = labels != IGNORED
        highest = part.max(axis=2, keepdims=True)
        normal = highest[..., 0] + np.log(np.exp(part - highest).sum(axis=2))
        chosen = np.take_along_axis(part, np.where(counts, labels, 0)[..., None], axis=2)[..., 0]
        sums[start : start + step, 0] = np.where(counts, normal - chosen, 0.0).sum(axis=1)
        sums[start : start + step, 1] = counts.sum(axis=1)
    return sums


def _perplexity(sums: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return np.asarray(np.exp(sums[..., 0] / np.maximum(sums[..., 1], 1)))


def _top5(outputs: Mapping[str, np.ndarray], targets: np.ndarray) -> np.ndarray:
    scores = first_output(outputs)
    best = np.argsort(-scores, axis=1, kind="stable")[:, :5]
    return np.asarray(100.0 * (best == targets.reshape(-1, 1)).any(axis=1))


def _absolute(outputs: Mapping[str, np.ndarray], targets: np.ndarray) -> np.ndarray:
    return np.asarray(np.abs(_difference("mae", outputs, targets)).mean(axis=1))


def _squared(outputs: Mapping[str, np.ndarray], targets: np.ndarray) -> np.ndarray:
    return np.asarray((_difference("mse", outputs, targets) ** 2).mean(axis=1))


def _difference(name: str, outputs: Mapping[str, np.ndarray], targets: np.ndarray) -> np.ndarray:
    values = first_output(outputs).astype(np.float64)
    expected = targets.reshape(values.shape) if targets.size == values.size else targets
    _same_shape(name, values, expected)
    return np.asarray((values - expected).reshape(len(values), -1))


def _same_shape(name: str, found: np.ndarray, expected: np.ndarray) -> None:
    if found.shape != expected.shape:
        msg = f"metric {name!r}: the model gives {found.shape}, the targets are {expected.shape}; expected the same"
        raise ConfigError(msg, remedy="choose a metric that fits the task, or name your own as 'module:function'")


def _plain(
    name: str, unit: str, higher: bool, per_sample: Callable[[Mapping[str, np.ndarray], np.ndarray], np.ndarray]
) -> Metric:
    return Metric(name, unit, higher, lambda outputs, targets: float(per_sample(outputs, targets).mean()), per_sample)


PLAIN = {
    "accuracy": _plain("accuracy", "%", True, _accuracy),
    "top5_accuracy": _plain("top5_accuracy", "%", True, _top5),
    "mae": _plain("mae", "1", False, _absolute),
    "mse": _plain("mse", "1", False, _squared),
    "perplexity": Metric(
        "perplexity",
        "1",
        False,
        lambda outputs, targets: float(_perplexity(_likelihoods(outputs, targets).sum(axis=0))),
        parts=_likelihoods,
        combine=_perplexity,
    ),
}
"""Metrics computed in numpy, without the seconds that importing torchmetrics takes."""


def _user_metric(reference: str, kwargs: Mapping[str, Any], unit: str, project_root: Path) -> Metric:
    function = load_callable(reference, project_root)

    def compute(outputs: Mapping[str, np.ndarray], targets: np.ndarray) -> float:
        value = first_output(outputs) if len(outputs) == 1 else dict(outputs)
        result = call_user(reference, project_root, (value, targets), kwargs, function)
        try:
            return float(result) * (100.0 if unit == "%" else 1.0)
        except (TypeError, ValueError):
            msg = f"metric {reference!r} returned a {type(result).__name__}, expected a number"
            raise ConfigError(msg, remedy="return one number, like float(…)") from None

    return Metric(reference.partition(":")[2], unit, True, compute)
