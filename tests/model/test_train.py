"""Training learns, repeats itself bit by bit, and says what is wrong."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from edgebuild.errors import ConfigError
from edgebuild.model.addition import Addition, TrainStep
from edgebuild.model.evaluate import predict
from edgebuild.model.load import build_factory
from edgebuild.model.split import Split, as_split
from edgebuild.model.train import TrainSettings, train, train_with_function
from edgebuild.model.train_loop import learning_rate_share
from tests.model.nets import project

FACTORY = {"factory": "model:build", "kwargs": {"width": 4}}
SETTINGS = TrainSettings(epochs=3, batch_size=8, learning_rate=0.02)


class Recorder:
    """Keeps every fraction it is told."""

    def __init__(self) -> None:
        self.fractions: list[float] = []
        self.messages: list[str] = []

    def update(self, fraction: float, message: str = "") -> None:
        self.fractions.append(fraction)
        self.messages.append(message)


def stripes() -> tuple[np.ndarray, np.ndarray]:
    """Images with horizontal, vertical or no stripes."""
    rng = np.random.default_rng(0)
    labels = np.arange(49) % 3
    images = rng.normal(0, 0.1, (49, 1, 6, 6)).astype(np.float32)
    images[labels == 0, :, ::2, :] += 1
    images[labels == 1, :, :, ::2] += 1
    return images, labels


def run(root: Path, settings: TrainSettings = SETTINGS, seed: int = 1, **options: Any) -> tuple[Any, Any, Recorder]:
    x, y = stripes()
    model = build_factory(FACTORY, root)
    data: Split = options.pop("data", None) or as_split("train", (x, y), root)
    recorder = Recorder()
    validation = options.pop("validation", ({"input": x}, y))
    history = train(model, data, validation, settings, seed, 1, recorder, root, **options)
    return model, history, recorder


def state(model: torch.nn.Module) -> list[bytes]:
    return [value.numpy().tobytes() for value in model.state_dict().values()]


def test_it_learns_and_reports_every_step_in_order(tmp_path: Path) -> None:
    model, history, recorder = run(project(tmp_path), replace(SETTINGS, epochs=25))
    x, y = stripes()
    assert (predict(model, {"input": x})["output"].argmax(1) == y).mean() > 0.95
    assert not model.training
    assert history[-1].train_loss < history[0].train_loss
    assert recorder.fractions == sorted(recorder.fractions)
    assert recorder.fractions[-1] == 1.0
    # A last batch of one sample is left out: 49 samples make 6 steps of 8.
    assert len(recorder.fractions) == 25 * 6 + 1
    assert recorder.messages[0] == "training, epoch 1 of 25"
    assert re.fullmatch(r"training, epoch 13 of 25, [\d.]+ s left", recorder.messages[12 * 6])
    assert recorder.messages[-2] == "training, epoch 25 of 25, 0.0 s left"


class Numbers(Addition):
    """Keeps the numbers and the layout that a layer computed in, and what the loss sees."""

    def __init__(self) -> None:
        self.inside: set[torch.dtype] = set()
        self.outside: set[torch.dtype] = set()
        self.last: set[bool] = set()

    @contextlib.contextmanager
    def attached(self, model: torch.nn.Module, sample: tuple[torch.Tensor, ...]) -> Iterator[None]:
        (layer,) = (module for module in model.modules() if isinstance(module, torch.nn.Conv2d))
        with layer.register_forward_hook(self._see):
            yield

    def _see(self, layer: torch.nn.Module, _inputs: object, output: torch.Tensor) -> None:
        if layer.training:
            self.inside.add(output.dtype)
            self.last.add(output.is_contiguous(memory_format=torch.channels_last))

    def loss(self, step: TrainStep) -> None:
        self.outside |= {output.dtype for output in step.outputs.values()}


def test_half_precision_computes_in_bfloat16_and_learns_as_well(tmp_path: Path) -> None:
    root, seen = project(tmp_path), Numbers()
    settings = replace(SETTINGS, epochs=25, precision="bf16", channels_last=True)
    model, history, _ = run(root, settings, additions=[seen])
    assert (seen.inside, seen.outside, seen.last) == ({torch.bfloat16}, {torch.float32}, {True})
    x, y = stripes()
    assert (predict(model, {"input": x})["output"].argmax(1) == y).mean() > 0.95
    assert all(value.dtype in (torch.float32, torch.int64) for value in model.state_dict().values())
    assert all(value.is_contiguous() for value in model.state_dict().values())
    again, same_history, _ = run(root, settings)
    assert (state(again), same_history) == (state(model), history)


def test_full_precision_and_plain_layout_are_the_default(tmp_path: Path) -> None:
    seen = Numbers()
    run(project(tmp_path), additions=[seen])
    assert (seen.inside, seen.last) == ({torch.float32}, {False})


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "adamw"])
def test_the_same_seed_gives_the_same_bits_and_another_seed_others(optimizer: str, tmp_path: Path) -> None:
    root, settings = project(tmp_path), replace(SETTINGS, optimizer=optimizer)
    first, again, other = (run(root, settings, seed)[0] for seed in (1, 1, 2))
    assert state(first) == state(again)
    assert state(first) != state(other)


def test_random_augmentation_follows_the_seed_too(tmp_path: Path) -> None:
    class Noisy:
        def __len__(self) -> int:
            return 20

        def __getitem__(self, index: int) -> tuple[Any, int]:
            x, y = stripes()
            return torch.from_numpy(x[index]) + torch.rand(1) + float(np.random.rand()), int(y[index])

    root = project(tmp_path)
    data = as_split("train", Noisy(), root)
    assert state(run(root, data=data)[0]) == state(run(root, data=data)[0])


def test_training_leaves_no_trace_in_global_state(tmp_path: Path) -> None:
    before = torch.get_rng_state(), torch.get_num_threads(), np.random.get_state()[1].tolist()
    run(project(tmp_path))
    assert torch.equal(before[0], torch.get_rng_state())
    assert (torch.get_num_threads(), np.random.get_state()[1].tolist()) == before[1:]
    assert not torch.are_deterministic_algorithms_enabled()


def test_the_best_epoch_is_kept_and_marked(tmp_path: Path) -> None:
    root = project(tmp_path)
    settings = replace(SETTINGS, epochs=6, learning_rate=0.3, optimizer="sgd", schedule="constant")
    model, history, _ = run(root, settings)
    kept = [row for row in history if row.kept]
    assert len(kept) == 1
    assert kept[0].validation_loss == min(row.validation_loss for row in history)
    x, y = stripes()
    scores = torch.from_numpy(predict(model, {"input": x})["output"])
    assert float(torch.nn.functional.cross_entropy(scores, torch.from_numpy(y))) == pytest.approx(
        kept[0].validation_loss, rel=1e-5
    )
    assert run(root, replace(settings, keep_best=False))[1][-1].kept


class Constant(Addition):
    """Adds 5 to half of the task's loss, and remembers what it saw."""

    task_share = 0.5

    def __init__(self) -> None:
        self.seen: list[Any] = []

    @contextlib.contextmanager
    def attached(self, model: torch.nn.Module, sample: tuple[torch.Tensor, ...]) -> Iterator[None]:
        self.seen.append(tuple(sample[0].shape))
        yield
        self.seen.append("detached")

    def loss(self, step: TrainStep) -> torch.Tensor:
        self.seen.append((tuple(step.inputs[0].shape), tuple(step.outputs["output"].shape), tuple(step.targets.shape)))
        return 5 + 0 * step.outputs["output"].sum()


def test_an_added_loss_sees_the_batch_and_leaves_its_share_to_the_task(tmp_path: Path) -> None:
    root, addition = project(tmp_path), Constant()
    settings = replace(SETTINGS, epochs=1, batch_size=64, optimizer="sgd")
    plain, added = run(root, settings)[1], run(root, settings, additions=[addition])[1]
    assert addition.seen == [(2, 1, 6, 6), ((49, 1, 6, 6), (49, 3), (49,)), "detached"]
    assert added[0].train_loss == pytest.approx(plain[0].train_loss / 2 + 5, abs=1e-5)


class OneZero(Addition):
    """Holds the first weight at zero by a hook after the step, or by one on its gradient."""

    def __init__(self, *, after_step: bool) -> None:
        self.weights = after_step
        self.done: list[float] = []

    def after_backward(self, model: torch.nn.Module, done: float) -> None:
        if not self.weights:
            next(model.parameters()).grad.view(-1)[0] = 0

    def after_step(self, model: torch.nn.Module, done: float) -> None:
        self.done.append(done)
        if self.weights:
            next(model.parameters()).data.view(-1)[0] = 0


def test_hooks_have_the_last_word_on_gradients_and_weights(tmp_path: Path) -> None:
    root = project(tmp_path)
    before = float(next(build_factory(FACTORY, root).parameters()).detach().view(-1)[0])
    hooks = OneZero(after_step=True)
    assert float(next(run(root, additions=[hooks])[0].parameters()).detach().view(-1)[0]) == 0
    assert hooks.done == sorted(hooks.done)
    assert hooks.done[-1] == 1
    held = run(root, additions=[OneZero(after_step=False)])[0]
    assert float(next(held.parameters()).detach().view(-1)[0]) == before


def test_patience_ends_training_that_no_longer_gets_better(tmp_path: Path) -> None:
    root = project(tmp_path)
    hopeless = replace(SETTINGS, epochs=9, learning_rate=3.0, optimizer="sgd", schedule="constant", clip_norm=1.0)
    history = run(root, replace(hopeless, patience=2))[1]
    best = min(range(len(history)), key=lambda row: history[row].validation_loss)
    assert len(history) == best + 3 < 9
    assert history[best].kept
    assert len(run(root, hopeless)[1]) == 9


class BadSlope(Addition):
    """The square root of a weight's square has no slope at zero."""

    def loss(self, step: TrainStep) -> torch.Tensor:
        weight = next(step.model.parameters())
        return (weight * 0).square().sum().sqrt()


def test_a_gradient_that_is_no_number_is_named_before_it_ruins_the_weights(tmp_path: Path) -> None:
    root = project(tmp_path)
    name = next(name for name, _ in build_factory(FACTORY, root).named_parameters())
    with pytest.raises(ConfigError) as raised:
        run(root, additions=[BadSlope()])
    assert "the gradients of 1 of " in raised.value.message
    assert raised.value.message.endswith(f": {name!r}")
    assert "at step 1 of 18, where the loss is 1." in raised.value.message


class Offset(Addition):
    """Learns a number of its own."""

    def __init__(self) -> None:
        self.offset = torch.nn.Parameter(torch.tensor(3.0))

    def parameters(self) -> list[torch.nn.Parameter]:
        return [self.offset]

    def loss(self, step: TrainStep) -> torch.Tensor:
        return self.offset.square()


def test_an_addition_trains_parameters_of_its_own(tmp_path: Path) -> None:
    addition = Offset()
    model = run(project(tmp_path), additions=[addition])[0]
    assert float(addition.offset.detach()) < 3
    assert not any(name == "offset" for name in model.state_dict())


def test_schedules() -> None:
    def shares(settings: TrainSettings, *done: float) -> list[float]:
        return [round(learning_rate_share(settings, share, share * settings.epochs), 3) for share in done]

    assert shares(TrainSettings(epochs=4), 0, 0.5, 1) == [1, 0.5, 0]
    assert shares(TrainSettings(epochs=4, schedule="step"), 0, 0.49, 0.5, 0.75) == [1, 1, 0.1, 0.01]
    assert shares(TrainSettings(epochs=4, schedule="constant"), 0, 1) == [1, 1]
    warm = TrainSettings(epochs=4, warmup_epochs=2)
    assert shares(warm, 0, 0.25, 0.5, 0.75, 1) == [0.001, 0.5, 1, 0.5, 0]


def test_clipping_bounds_the_step(tmp_path: Path) -> None:
    root = project(tmp_path)
    settings = TrainSettings(epochs=1, batch_size=64, optimizer="sgd", learning_rate=1.0, clip_norm=1e-3, momentum=0.0)
    before = dict(build_factory(FACTORY, root).named_parameters())
    after = dict(run(root, settings)[0].named_parameters())
    moved = sum(float((after[name] - before[name]).detach().pow(2).sum()) for name in before) ** 0.5
    assert 0.5e-3 < moved < 1.01e-3


def test_real_targets_and_one_score_choose_their_loss(tmp_path: Path) -> None:
    root = project(tmp_path)
    x, y = stripes()
    real = np.eye(3, dtype=np.float32)[y]
    for targets in (real, real.astype(np.int64)):
        data = as_split("train", (x, targets), root)
        history = run(root, replace(SETTINGS, epochs=8), data=data, validation=({"input": x}, targets))[1]
        assert history[-1].validation_loss < history[0].validation_loss


def test_a_loss_of_the_user_is_used(tmp_path: Path) -> None:
    root = project(tmp_path)
    (root / "own.py").write_text(
        "from torch.nn import functional\ndef loss(outputs, targets):\n"
        "    return functional.cross_entropy(outputs, targets)\ndef bad(outputs, targets):\n    return outputs\n"
    )
    assert state(run(root, replace(SETTINGS, loss="own:loss"))[0]) == state(run(root)[0])
    with pytest.raises(ConfigError, match=r"loss 'own:bad' returned \(8, 3\), expected a tensor with one number"):
        run(root, replace(SETTINGS, loss="own:bad"))


def test_mistakes_say_what_was_found(tmp_path: Path) -> None:
    root = project(tmp_path)
    x, y = stripes()
    with pytest.raises(ConfigError, match="found labels from 1 to 3, expected 0 to 2, as the model gives 3 scores"):
        run(root, data=as_split("train", (x, y % 3 + 1), root))
    with pytest.raises(ConfigError, match=r"the loss became (nan|inf) at step"):
        run(root, replace(SETTINGS, optimizer="sgd", learning_rate=1e30))
    with pytest.raises(ConfigError, match=r"train\.loss: found 'nll', expected auto"):
        run(root, replace(SETTINGS, loss="nll"))
    with pytest.raises(ConfigError, match=r"mse got outputs \(8, 3\) and targets \(8,\)"):
        run(root, replace(SETTINGS, loss="mse"))


def test_the_users_own_training_gets_tensors_and_is_seeded(tmp_path: Path) -> None:
    root = project(tmp_path)
    (root / "own.py").write_text(
        "import torch\ndef fit(model, train, validation, shift):\n    x, y = train\n"
        "    assert x['input'].shape == (49, 1, 6, 6) and y.dtype == torch.int64 and validation[1].shape == (49,)\n"
        "    with torch.no_grad():\n        model.head.bias.add_(torch.rand(3) + shift)\n"
    )
    x, y = stripes()
    results = []
    for seed in (1, 1, 2):
        model = build_factory(FACTORY, root)
        data = as_split("train", (x, y), root)
        train_with_function("own:fit", {"shift": 10}, model, data, ({"input": x}, y), seed, 1, root)
        results.append(model.head.bias.detach().clone())
    assert torch.equal(results[0], results[1])
    assert not torch.equal(results[0], results[2])
    assert results[0].min() > 9


def test_an_exported_program_is_not_trained(tmp_path: Path) -> None:
    root = project(tmp_path)
    x, y = stripes()
    module = torch.export.export(build_factory(FACTORY, root).eval(), (torch.from_numpy(x[:1]),)).module()
    with pytest.raises(ConfigError, match=r"a torch.export program cannot be trained"):
        train(module, as_split("train", (x, y), root), ({"input": x}, y), SETTINGS, 1, 1, Recorder(), root)
