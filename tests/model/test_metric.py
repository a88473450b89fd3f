"""Metrics by name equal torchmetrics, and the user's own are called with what they were promised."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torchmetrics

from edgebuild.errors import ConfigError
from edgebuild.model.metric import predicted_labels, resolve_metric

RNG = np.random.default_rng(0)
SCORES = RNG.normal(size=(200, 5)).astype(np.float32)
LABELS = np.where(RNG.random(200) < 0.6, SCORES.argmax(1), RNG.integers(0, 5, 200))


def value(name: str, outputs: np.ndarray, targets: np.ndarray) -> float:
    return resolve_metric(name, Path()).compute({"scores": outputs}, targets)


def reference(metric: torchmetrics.Metric, outputs: np.ndarray, targets: np.ndarray) -> float:
    return float(metric(torch.from_numpy(outputs), torch.from_numpy(targets)))


def test_plain_accuracy_equals_torchmetrics_for_classes_pixels_and_one_score() -> None:
    multiclass = torchmetrics.Accuracy(task="multiclass", num_classes=5)
    assert value("accuracy", SCORES, LABELS) == pytest.approx(100 * reference(multiclass, SCORES, LABELS))
    pixels = RNG.normal(size=(6, 5, 4, 3)).astype(np.float32)
    truth = RNG.integers(0, 5, (6, 4, 3))
    assert value("accuracy", pixels, truth) == pytest.approx(100 * reference(multiclass, pixels, truth), rel=1e-5)
    binary = torchmetrics.Accuracy(task="binary")
    logits, yes = SCORES[:, 0] * 3, (LABELS == 0).astype(np.int64)
    assert value("accuracy", logits[:, None], yes) == pytest.approx(100 * reference(binary, logits, yes))
    shares = 1 / (1 + np.exp(-logits))
    assert value("accuracy", shares, yes) == pytest.approx(100 * reference(binary, shares, yes))


def test_plain_errors_and_top5_equal_torchmetrics() -> None:
    other = SCORES + RNG.normal(size=SCORES.shape).astype(np.float32)
    assert value("mae", SCORES, other) == pytest.approx(
        reference(torchmetrics.MeanAbsoluteError(), SCORES, other), 1e-5
    )
    assert value("mse", SCORES, other) == pytest.approx(reference(torchmetrics.MeanSquaredError(), SCORES, other), 1e-5)
    many = RNG.normal(size=(100, 12)).astype(np.float32)
    truth = RNG.integers(0, 12, 100)
    top5 = torchmetrics.Accuracy(task="multiclass", num_classes=12, top_k=5)
    assert value("top5_accuracy", many, truth) == pytest.approx(100 * reference(top5, many, truth))


@pytest.mark.parametrize(
    ("name", "metric", "scale"),
    [
        ("f1", torchmetrics.F1Score("multiclass", num_classes=5, average="macro"), 100),
        ("F1Score", torchmetrics.F1Score("multiclass", num_classes=5), 100),
        ("auroc", torchmetrics.AUROC("multiclass", num_classes=5), 100),
        ("balanced_accuracy", torchmetrics.Accuracy("multiclass", num_classes=5, average="macro"), 100),
        ("kappa", torchmetrics.CohenKappa("multiclass", num_classes=5), 1),
    ],
)
def test_names_of_torchmetrics_get_task_and_classes_from_the_data(
    name: str, metric: torchmetrics.Metric, scale: int
) -> None:
    assert value(name, SCORES, LABELS) == pytest.approx(scale * reference(metric, SCORES, LABELS), rel=1e-5)
    assert resolve_metric(name, Path()).unit == ("%" if scale == 100 else "1")


def test_binary_and_multilabel_are_recognised() -> None:
    yes = (LABELS == 0).astype(np.int64)
    expected = 100 * reference(torchmetrics.AUROC("binary"), SCORES[:, 0], yes)
    assert value("auroc", SCORES[:, :1], yes) == pytest.approx(expected, rel=1e-5)
    labels = (RNG.random((200, 5)) < 0.5).astype(np.int64)
    expected = 100 * reference(torchmetrics.AUROC("multilabel", num_labels=5), SCORES, labels)
    assert value("auroc", SCORES, labels) == pytest.approx(expected, rel=1e-5)


def test_the_section_of_a_project_sets_kwargs_unit_and_direction() -> None:
    section = {"name": "FBetaScore", "kwargs": {"beta": 2.0}, "unit": "%", "higher_is_better": None}
    metric = resolve_metric(section, Path())
    expected = 100 * reference(torchmetrics.FBetaScore("multiclass", beta=2.0, num_classes=5), SCORES, LABELS)
    assert metric.compute({"scores": SCORES}, LABELS) == pytest.approx(expected, rel=1e-5)
    assert metric.higher_is_better
    assert not resolve_metric("rmse", Path()).higher_is_better
    assert resolve_metric({"name": "mae", "unit": "degC"}, Path()).unit == "degC"
    assert resolve_metric({"name": "mae", "unit": "%"}, Path()).unit == "1"


def test_a_metric_of_the_user_gets_numpy_arrays(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "def share(outputs, targets):\n    return (outputs.argmax(1) == targets).mean()\n"
        "def both(outputs, targets, gain):\n    return gain * float(outputs['a'][0] + outputs['b'][0])\n"
        "def text(outputs, targets):\n    return 'high'\n"
    )
    own = resolve_metric("own:share", tmp_path)
    assert own.compute({"scores": SCORES}, LABELS) == pytest.approx(value("accuracy", SCORES, LABELS))
    assert (own.name, own.unit, own.higher_is_better) == ("share", "%", True)
    section = {"name": "own:both", "kwargs": {"gain": 3}, "unit": "degC", "higher_is_better": False}
    both = resolve_metric(section, tmp_path)
    assert both.compute({"a": np.ones(2), "b": np.ones(2)}, LABELS) == 6
    assert (both.unit, both.higher_is_better) == ("degC", False)
    with pytest.raises(ConfigError, match="metric 'own:text' returned a str, expected a number"):
        resolve_metric("own:text", tmp_path).compute({"scores": SCORES}, LABELS)


@pytest.mark.parametrize(
    ("name", "hint"), [("acuracy", "accuracy"), ("f1score", "F1Score"), ("MeanSquareError", "MeanSquaredError")]
)
def test_an_unknown_metric_suggests_the_nearest(name: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve_metric(name, Path())
    assert caught.value.message == f"unknown metric {name!r}; did you mean {hint!r}?"


def test_arguments_and_shapes_that_do_not_fit_are_config_errors() -> None:
    with pytest.raises(ConfigError, match="metric 'f1' cannot be made with"):
        resolve_metric({"name": "f1", "kwargs": {"avarage": "micro"}}, Path())
    with pytest.raises(ConfigError, match=r"metric 'mae': the model gives \(200, 5\), the targets are \(200,\)"):
        value("mae", SCORES, LABELS)
    with pytest.raises(ConfigError, match="metric 'f1' cannot be computed from outputs"):
        value("f1", SCORES, LABELS[:7])


def test_labels_of_one_score_depend_on_what_it_is() -> None:
    assert predicted_labels(np.array([-1.0, 0.3, 2.0]), (3,)).tolist() == [0, 1, 1]
    assert predicted_labels(np.array([[0.2], [0.8]]), (2,)).tolist() == [0, 1]


def test_plain_accuracy_imports_neither_torch_nor_torchmetrics() -> None:
    program = (
        "import sys, numpy as np\nfrom pathlib import Path\nfrom edgebuild.model.metric import resolve_metric\n"
        "from edgebuild.model.score import score\n"
        "score(resolve_metric('accuracy', Path()), {'s': np.eye(3)}, np.arange(3))\n"
        "assert not {'torch', 'torchmetrics'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
