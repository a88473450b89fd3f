"""The shipped examples: their projects are valid, and their models train, export and say what is missing."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from edgebuild.config.load import load_project
from edgebuild.errors import ConfigError
from edgebuild.graph.assemble import build_graph, target_stages
from edgebuild.model.count import count_model
from edgebuild.model.data import load_training, make_data_folder, read_splits
from edgebuild.model.data_folder import read_inputs, read_targets
from edgebuild.model.evaluate import predict
from edgebuild.model.exportable import check_exportable, run_once
from edgebuild.model.load import build_factory, load_source_model
from edgebuild.model.metric import resolve_metric
from edgebuild.model.score import score
from edgebuild.model.train import TrainSettings, train
from edgebuild.progress import Silent

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.mark.parametrize(
    "file", sorted(EXAMPLES.glob("*/*.yaml")), ids=lambda file: file.relative_to(EXAMPLES).as_posix()
)
def test_every_example_is_valid_and_becomes_a_graph(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters = tmp_path / "letters.npz"
    letters.touch()
    monkeypatch.setenv("EDGEBUILD_LETTERS", str(letters))
    project = load_project(file)
    graph = build_graph(project)
    for target in project.targets:
        wanted = set(target_stages(target).all())
        assert wanted <= {stage.id for stage in graph.subgraph(wanted)}


def test_digits_reaches_its_accuracy_from_scratch(tmp_path: Path) -> None:
    project = load_project(EXAMPLES / "digits" / "edgebuild.yaml")
    root, source, names = project.root, project.data.source(), project.model.inputs
    summary = make_data_folder(source, root, tmp_path, project.seed, Silent(), names)
    assert summary.lengths == {"train": 1078, "validation": 719, "calibration": 256}
    validation = read_inputs(tmp_path, "validation"), read_targets(tmp_path)
    model, _ = load_source_model(project.model.model_dump(mode="json"), root, project.seed)
    assert run_once(model, validation[0], root, project.model.outputs) == {"scores": (1, 10)}
    check_exportable(model, validation[0], root)
    assert project.train is not None
    settings = TrainSettings.from_json(project.train.model_dump(mode="json"))
    train(
        model, load_training(source, root, project.seed, names), validation, settings, project.seed, 1, Silent(), root
    )
    figure = score(resolve_metric("accuracy", root), predict(model, validation[0]), validation[1])
    assert figure.value is not None
    assert figure.value >= 98.5


def test_the_declared_normalisation_of_digits_is_that_of_its_training_images() -> None:
    project = load_project(EXAMPLES / "digits" / "edgebuild.yaml")
    inputs, _ = load_training(project.data.source(), project.root, 0).stack(np.arange(1078))
    assert abs(float(inputs["input"].mean())) < 0.01
    assert float(inputs["input"].std()) == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize(("network", "width"), [("mobilenet", 8), ("resnet", 8)])
def test_both_networks_for_letters_are_exportable_and_small(network: str, width: int) -> None:
    root = EXAMPLES / "letters"
    model = build_factory({"factory": "model:build", "kwargs": {"network": network, "width": width}}, root).eval()
    image = {"image": np.zeros((1, 1, 28, 28), dtype=np.float32)}
    assert run_once(model, image, root, ("scores",)) == {"scores": (1, 26)}
    check_exportable(model, image, root)
    counts = count_model(model, (torch.zeros(1, 1, 28, 28),))
    assert 10_000 < counts.parameters < 40_000
    assert counts.macs < 3_000_000


def test_an_unknown_network_is_a_config_error_at_its_line() -> None:
    with pytest.raises(ConfigError, match=r"'model:build' failed at model.py:\d+: ValueError: found network 'vgg'"):
        build_factory({"factory": "model:build", "kwargs": {"network": "vgg"}}, EXAMPLES / "letters")


def test_letters_take_the_same_number_of_each_and_count_from_zero(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = np.repeat(np.arange(1, 27, dtype=np.uint8), 4)
    images = np.arange(104, dtype=np.uint8)[:, None, None] * np.ones((1, 28, 28), dtype=np.uint8)
    np.savez(tmp_path / "letters.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    monkeypatch.setenv("EDGEBUILD_LETTERS", str(tmp_path / "letters.npz"))
    source = {"function": "data:load", "kwargs": {"train_samples": 52, "validation_samples": 0}}
    splits = read_splits(source, EXAMPLES / "letters", 0)
    inputs, targets = splits.train.stack(np.arange(splits.train.length))
    assert targets is not None
    assert np.bincount(targets).tolist() == [2] * 26
    assert (inputs["input"][:, 0, 0, 0] // 4).astype(int).tolist() == targets.tolist()
    assert splits.validation.length == 104
    assert load_project(EXAMPLES / "letters" / "edgebuild.yaml").data.classes[25] == "Z"


def test_letters_without_a_file_say_which_variable_to_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EDGEBUILD_LETTERS", raising=False)
    with pytest.raises(ConfigError, match="no file of letters: set EDGEBUILD_LETTERS to its path"):
        read_splits({"function": "data:load"}, EXAMPLES / "letters", 0)
    with pytest.raises(ConfigError, match="the environment variable EDGEBUILD_LETTERS is not set"):
        load_project(EXAMPLES / "letters" / "edgebuild.yaml")
