"""Text to windows, losses and metrics of tokens, and a model that learns to say what comes next."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torchmetrics
from torch.nn import functional

from edgebuild.errors import ConfigError
from edgebuild.model.class_axis import IGNORED
from edgebuild.model.data import make_data_folder, read_splits
from edgebuild.model.data_folder import read_inputs, read_targets
from edgebuild.model.evaluate import predict
from edgebuild.model.load import build_factory
from edgebuild.model.losses import resolve_loss
from edgebuild.model.metric import resolve_metric
from edgebuild.model.processes import team
from edgebuild.model.score import drop, score
from edgebuild.model.split import as_split
from edgebuild.model.train import TrainSettings, train
from edgebuild.progress import Silent
from tests.model.nets import project

RNG = np.random.default_rng(0)
SCORES = RNG.normal(size=(12, 7, 5)).astype(np.float32)
TOKENS = RNG.integers(0, 5, (12, 7))
MASKED = np.where(RNG.random((12, 7)) < 0.3, IGNORED, TOKENS)

NET = """
import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens = nn.Embedding(4, 16)
        self.before = nn.Linear(16, 16)
        self.head = nn.Linear(16, 4)

    def forward(self, tokens):
        x = self.tokens(tokens)
        earlier = torch.nn.functional.pad(x, (0, 0, 1, 0))[:, :-1]
        return self.head(torch.relu(x + self.before(earlier)))


def build():
    return Net()


def decode(ids):
    return " ".join("abcde"[number] for number in ids)


def length(ids):
    return len(ids)
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One project for both trainings, so that the second process is started once."""
    with team.dismissed_at_the_end():
        yield project(tmp_path_factory.mktemp("project"), NET)


def text(root: Path, content: str = "abbc" * 60, **options: Any) -> dict[str, Any]:
    (root / "text.txt").write_text(content, encoding="utf-8")
    return {"text": {"path": "text.txt", "context": 8, "validation_fraction": 0.2, **options}}


def test_windows_hold_the_next_characters_and_the_end_of_the_text_validates(tmp_path: Path) -> None:
    content = "".join("añ \n"[number] for number in RNG.integers(0, 4, 200))
    splits = read_splits(text(tmp_path, content, stride=3), tmp_path, seed=1)
    assert splits.classes == ("U+000A", "U+0020", "a", "ñ")
    vocabulary = "\n añ"
    inputs, targets = splits.train.stack([0, 1])
    assert inputs["input"].dtype == targets.dtype == np.int64
    assert ["".join(vocabulary[token] for token in row) for row in inputs["input"]] == [content[:8], content[3:11]]
    assert ["".join(vocabulary[token] for token in row) for row in targets] == [content[1:9], content[4:12]]
    assert splits.train.length == (160 - 8 - 1) // 3 + 1
    last, following = splits.validation.stack([splits.validation.length - 1])
    assert "".join(vocabulary[token] for token in last["input"][0]) == content[160 + 24 : 160 + 32]
    assert "".join(vocabulary[token] for token in following[0]) == content[160 + 25 : 160 + 33]


def test_another_file_validates_and_its_characters_are_known(tmp_path: Path) -> None:
    (tmp_path / "other.txt").write_text("xyzzy" * 9)
    source = text(tmp_path, "abc" * 9, validation_path="other.txt", validation_fraction=None)
    splits = read_splits(source, tmp_path, seed=1)
    assert splits.classes == tuple("abcxyz")
    assert splits.validation.stack([0])[0]["input"][0].tolist() == [3, 4, 5, 5, 4, 3, 4, 5]


@pytest.mark.parametrize(
    ("content", "change", "message"),
    [
        ("abc", {}, "the training text has 2 characters, expected more than the context of 8"),
        ("abc" * 12, {}, "the validation text has 7 characters, expected more than the context of 8"),
        ("abc", {"path": "none.txt"}, "data.text.path: found no file 'none.txt'"),
    ],
)
def test_texts_that_cannot_be_used(tmp_path: Path, content: str, change: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        read_splits(text(tmp_path, content, **change), tmp_path, seed=1)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    source = text(tmp_path)
    (tmp_path / "text.txt").write_bytes(b"ab\xff")
    with pytest.raises(ConfigError, match=r"'text.txt' is no UTF-8 text: byte 2 is 0xff"):
        read_splits(source, tmp_path, seed=1)


@pytest.mark.parametrize("targets", [TOKENS, MASKED])
@pytest.mark.parametrize("name", ["auto", "tokens"])
def test_the_loss_is_over_the_tokens_that_count(targets: np.ndarray, name: str) -> None:
    scores, labels = torch.from_numpy(SCORES), torch.from_numpy(targets)
    found = resolve_loss(name, 0.0, Path())({"scores": scores}, labels)
    assert float(found) == pytest.approx(float(functional.cross_entropy(scores.transpose(1, 2), labels)))


def test_the_loss_of_nothing_is_nothing_and_shapes_that_do_not_fit_are_told() -> None:
    scores, ignored = torch.from_numpy(SCORES), torch.full((12, 7), IGNORED)
    assert float(resolve_loss("tokens", 0.0, Path())({"scores": scores}, ignored)) == 0
    with pytest.raises(ConfigError, match=r"tokens got outputs \(12, 7, 5\) and targets \(12, 5\)"):
        resolve_loss("tokens", 0.0, Path())({"scores": scores}, torch.zeros((12, 5), dtype=torch.int64))
    with pytest.raises(ConfigError, match=r"outputs \(12, 7, 7\) have two dimensions of the targets' length 7"):
        resolve_loss("auto", 0.0, Path())({"scores": torch.zeros(12, 7, 7)}, torch.from_numpy(TOKENS))
    with pytest.raises(ConfigError, match=r"found labels from 0 to 4, expected 0 to 2"):
        resolve_loss("auto", 0.0, Path())({"scores": scores[:, :, :3]}, torch.from_numpy(TOKENS))


def value(section: Any, targets: np.ndarray, root: Path = Path()) -> float:
    return resolve_metric(section, root).compute({"scores": SCORES}, targets)


@pytest.mark.parametrize("targets", [TOKENS, MASKED])
def test_metrics_of_tokens_equal_torchmetrics(targets: np.ndarray) -> None:
    scores, labels = torch.from_numpy(SCORES), torch.from_numpy(targets)
    perplexity = float(torchmetrics.text.Perplexity(ignore_index=IGNORED)(scores, labels))
    assert value("perplexity", targets) == pytest.approx(perplexity, rel=1e-5)
    assert value({"name": "Perplexity", "kwargs": {"ignore_index": IGNORED}}, targets) == pytest.approx(perplexity)
    assert not resolve_metric("perplexity", Path()).higher_is_better
    f1 = torchmetrics.F1Score("multiclass", num_classes=5, average="macro", ignore_index=IGNORED)
    assert value("f1", targets) == pytest.approx(100 * float(f1(scores.transpose(1, 2), labels)))
    auroc = torchmetrics.AUROC("multiclass", num_classes=5, ignore_index=IGNORED)
    assert value("auroc", targets) == pytest.approx(100 * float(auroc(scores.transpose(1, 2), labels)))
    if targets is TOKENS:
        assert value("accuracy", targets) == pytest.approx(100 * float((SCORES.argmax(2) == TOKENS).mean()))


def test_bleu_is_of_ids_or_of_what_the_users_function_makes_of_them(tmp_path: Path) -> None:
    root = project(tmp_path, NET)
    said, wanted = ([" ".join("abcde"[token] for token in row) for row in ids] for ids in (SCORES.argmax(2), TOKENS))
    expected = 100 * float(torchmetrics.text.BLEUScore(n_gram=1)(said, [[line] for line in wanted]))
    assert expected > 5
    for kwargs in ({"n_gram": 1}, {"n_gram": 1, "decode": "model:decode"}):
        assert value({"name": "bleu", "kwargs": kwargs}, TOKENS, root) == pytest.approx(expected)
    sacre = 100 * float(torchmetrics.text.SacreBLEUScore(n_gram=1)(said, [[line] for line in wanted]))
    assert value({"name": "sacre_bleu", "kwargs": {"n_gram": 1, "decode": "model:decode"}}, TOKENS, root) == (
        pytest.approx(sacre)
    )
    for options in ({"n_gram": 2, "smooth": True}, {"n_gram": 3}, {"n_gram": 2, "weights": [0.7, 0.3]}):
        more = 100 * float(torchmetrics.text.BLEUScore(**options)(said, [[line] for line in wanted]))
        assert value({"name": "BLEUScore", "kwargs": options}, TOKENS, root) == pytest.approx(more)
    with pytest.raises(ConfigError, match=r"'model:length' returned a int, expected a str"):
        value({"name": "bleu", "kwargs": {"decode": "model:length"}}, TOKENS, root)


def test_an_interval_of_perplexity_is_that_of_resampled_sums_and_a_rise_is_a_drop() -> None:
    metric = resolve_metric("perplexity", Path())
    figure = score(metric, {"scores": SCORES}, TOKENS)
    assert figure.value is not None
    assert figure.low is not None
    assert figure.high is not None
    assert figure.low < figure.value < figure.high
    slow = score(replace(metric, parts=None), {"scores": SCORES}, TOKENS)
    assert (slow.low, slow.high) == (pytest.approx(figure.low, rel=0.05), pytest.approx(figure.high, rel=0.05))
    sharper = {"scores": SCORES * 3}
    assert drop(metric, {"scores": SCORES}, sharper, TOKENS).value == pytest.approx(
        metric.compute(sharper, TOKENS) - metric.compute({"scores": SCORES}, TOKENS)
    )


def test_a_model_learns_what_comes_next_in_one_process_as_in_two(root: Path, tmp_path: Path) -> None:
    source = text(root, "abbc" * 100)
    make_data_folder(source, root, tmp_path, 1, Silent())
    validation = read_inputs(tmp_path, "validation"), read_targets(tmp_path)
    found = []
    for count in (1, 2):
        model = build_factory({"factory": "model:build"}, root)
        settings = TrainSettings(epochs=20, batch_size=8, learning_rate=0.03, processes=count)
        data = read_splits(source, root, 1).train
        history = train(model, data, validation, settings, 1, 1, Silent(), root)
        found.append(resolve_metric("perplexity", root).compute(predict(model, validation[0]), validation[1]))
    # Two characters decide the next one, and every window begins with an a, which is always followed by a b.
    assert found[0] == pytest.approx(1, abs=0.01)
    assert found[1] == pytest.approx(found[0], rel=1e-4)
    assert np.exp(history[-1].validation_loss) == pytest.approx(found[1], rel=1e-2)


def test_shares_of_a_masked_batch_weigh_as_many_tokens_as_count(root: Path) -> None:
    x = RNG.integers(0, 4, (16, 6))
    y = np.where(np.arange(6) < RNG.integers(1, 7, (16, 1)), (x + 1) % 4, IGNORED)
    states = []
    for count in (1, 2):
        model = build_factory({"factory": "model:build"}, root)
        settings = TrainSettings(epochs=2, batch_size=8, optimizer="sgd", learning_rate=0.5, processes=count)
        train(model, as_split("train", (x, y), root), ({"input": x}, y), settings, 1, 1, Silent(), root)
        states.append(list(model.parameters()))
    for first, second in zip(*states, strict=True):
        torch.testing.assert_close(first, second, rtol=1e-5, atol=1e-6)
