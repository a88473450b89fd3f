"""Two processes train as one: the same sums, the same bits each time, and nobody is left behind."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from edgebuild.errors import ConfigError, ToolError
from edgebuild.model import checkpoint as checkpoint_module
from edgebuild.model.addition import Addition, TrainStep
from edgebuild.model.checkpoint import Checkpoints
from edgebuild.model.processes import team
from edgebuild.model.split import as_split
from edgebuild.model.train import TrainSettings
from tests.model.nets import CNN, project
from tests.model.test_train import FACTORY, run, state, stripes

NET = """
from torch import nn


def build(width=4):
    return nn.Sequential(nn.Flatten(), nn.Linear(36, width), nn.ReLU(), nn.LayerNorm(width), nn.Linear(width, 3))
"""
DROPOUT = NET.replace("nn.ReLU()", "nn.Dropout(0.3)")
ONE = TrainSettings(epochs=3, batch_size=8, learning_rate=0.02)
TWO = replace(ONE, processes=2)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """One project for all, so that the team is started once."""
    with team.dismissed_at_the_end():
        folder = project(tmp_path_factory.mktemp("project"), NET)
        (folder / "convolution.py").write_text(CNN)
        (folder / "dropout.py").write_text(DROPOUT)
        yield folder


def children() -> set[int]:
    tasks = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return {int(pid) for task in tasks for pid in task.read_text().split()}


def is_running(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rpartition(")")[2].split()[0] != "Z"


def test_two_give_what_one_gives_up_to_rounding_and_the_same_bits_again(root: Path) -> None:
    one, alone, _ = run(root, ONE)
    two, together, recorder = run(root, TWO)
    for first, second in zip(alone, together, strict=True):
        assert second.train_loss == pytest.approx(first.train_loss, rel=1e-6)
        assert second.validation_loss == pytest.approx(first.validation_loss, rel=1e-6)
    for first, second in zip(one.parameters(), two.parameters(), strict=True):
        torch.testing.assert_close(first, second, rtol=1e-5, atol=1e-6)
    assert state(one) != state(two), "one process did all the work"
    again, history, _ = run(root, TWO)
    assert (state(again), history) == (state(two), together)
    assert recorder.fractions == sorted(recorder.fractions)
    assert len(recorder.fractions) == 3 * 6 + 1


def test_clipping_sees_the_gradients_of_the_whole_batch(root: Path) -> None:
    settings = replace(ONE, clip_norm=0.05, optimizer="sgd", learning_rate=0.5)
    one, _, _ = run(root, settings)
    two, _, _ = run(root, replace(settings, processes=2))
    for first, second in zip(one.parameters(), two.parameters(), strict=True):
        torch.testing.assert_close(first, second, rtol=1e-5, atol=1e-6)


class Numbers:
    """A user's dataset that notes which process read what."""

    def __init__(self, log: Path) -> None:
        self.log = log

    def __len__(self) -> int:
        return 16

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        with (self.log / str(os.getpid())).open("a") as file:
            file.write(f"{index}\n")
        x, y = stripes()
        return x[index], int(y[index])


def test_each_process_reads_its_share_of_every_batch(root: Path, tmp_path: Path) -> None:
    run(root, replace(TWO, epochs=1), data=as_split("train", Numbers(tmp_path), root))
    order = np.random.default_rng(1).permutation(16)
    mine = [int(line) for line in (tmp_path / str(os.getpid())).read_text().split()]
    (other,) = [file for file in tmp_path.iterdir() if file.name != str(os.getpid())]
    theirs = [int(line) for line in other.read_text().split()]
    # Before that, everybody looks at a sample or two: what `as_split` and the additions need.
    assert mine[-8:] == [*order[:4], *order[8:12]]
    assert theirs[-8:] == [*order[4:8], *order[12:]]


def test_running_means_are_of_all_processes(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FACTORY, "factory", "convolution:build")
    x, y = stripes()
    x = x[np.random.default_rng(1).permutation(49)[:16]] + np.repeat([0.0, 5.0], 8)[:, None, None, None]
    data = as_split("train", (x.astype(np.float32), y[:16]), root)
    # One step: the mean over both processes is the mean over the batch.
    settings = replace(ONE, epochs=1, batch_size=16, keep_best=False)
    one, two = (run(root, replace(settings, processes=count), data=data)[0] for count in (1, 2))
    torch.testing.assert_close(one.norm.running_mean, two.norm.running_mean, rtol=1e-5, atol=1e-6)
    assert not torch.allclose(one.norm.running_var, two.norm.running_var, rtol=1e-3), "each has a variance of its own"


class Drift(Addition):
    """Does to the weights what depends on the process."""

    def after_step(self, model: torch.nn.Module, done: float) -> None:
        next(model.parameters()).data.add_(1e-6 * torch.rand(()))


class Refuses(Addition):
    def objects_to(self, processes: int, device: str) -> str | None:
        return "it counts batches" if processes > 1 else None


class Locked(Addition):
    def __init__(self) -> None:
        self.lock = threading.Lock()


class Fails(Addition):
    """Fails, or is killed, in the second process only."""

    def __init__(self, how: str) -> None:
        self.how, self.first = how, os.getpid()

    def loss(self, step: TrainStep) -> None:
        if step.done > 0.3 and os.getpid() != self.first:
            if self.how == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            msg = "only in the second process"
            raise ConfigError(msg, remedy="mend it")


@pytest.mark.parametrize(
    ("addition", "settings", "expected"),
    [
        (Drift(), TWO, r"the 2 processes have different weights after step 6; training does besides: Drift"),
        (Refuses(), TWO, r"Refuses cannot run in 2 processes on device cpu: it counts batches"),
        (Locked(), TWO, r"what training does besides \(Locked\) cannot be sent to another process: TypeError"),
        (Addition(), replace(TWO, batch_size=3), r"found 2, but train.batch_size is 3; expected two samples"),
        (Addition(), replace(ONE, device="cuda"), r"found cuda, but PyTorch finds 0 GPUs here"),
    ],
    ids=["drift", "refuses", "locked", "batch", "device"],
)
def test_what_cannot_run_so_is_told(root: Path, addition: Addition, settings: TrainSettings, expected: str) -> None:
    if settings.device == "cuda" and torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(ConfigError, match=expected):
        run(root, settings, additions=[addition])


@pytest.mark.parametrize(
    ("how", "kind", "message"),
    [
        ("config", ConfigError, "only in the second process"),
        ("kill", ToolError, "training: process 2 of 2 was killed by SIGKILL"),
    ],
)
def test_what_ends_another_process_is_told_and_nobody_stays(
    root: Path, how: str, kind: type[Exception], message: str
) -> None:
    run(root, replace(TWO, epochs=1))
    (other,) = [one._process.pid for one in team._teams[0]._others]
    assert other in children()
    with pytest.raises(kind, match=message):
        run(root, TWO, additions=[Fails(how)])
    assert other not in children()
    assert not torch.distributed.is_initialized()
    assert not {"RANK", "WORLD_SIZE", "MASTER_ADDR"} & set(os.environ)


def test_a_loss_that_is_not_finite_is_the_same_error_as_in_one_process(root: Path) -> None:
    errors = []
    for settings in (ONE, TWO):
        with pytest.raises(ConfigError) as caught:
            run(root, replace(settings, learning_rate=1e30, optimizer="sgd", epochs=9))
        errors.append(caught.value)
    assert str(errors[0]) == str(errors[1])


class StopError(Exception):
    """Stands for the end of the process."""


class StopAt(Addition):
    """Ends the first process' training after a share of the steps, and has something to remember."""

    def __init__(self, at: float) -> None:
        self.at, self.seen = at, torch.zeros(())
        self.scale = torch.nn.Parameter(torch.ones(()))

    def parameters(self) -> list[torch.nn.Parameter]:
        return [self.scale]

    def loss(self, step: TrainStep) -> torch.Tensor:
        return 0.01 * (self.scale - torch.rand(())).square() * step.outputs["output"].square().mean()

    def after_step(self, model: torch.nn.Module, done: float) -> None:
        self.seen += 1
        if done >= self.at:
            raise StopError


def test_a_killed_training_goes_on_with_the_same_bits(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(checkpoint_module, "_SECONDS", 0.0)
    monkeypatch.setattr(checkpoint_module, "_SHARE", 0.0)
    monkeypatch.setitem(FACTORY, "factory", "dropout:build")
    folder = tmp_path / "checkpoints"
    settings = replace(TWO, epochs=30, patience=3, learning_rate=0.2)
    whole = run(root, settings, additions=[StopAt(9.0)])
    with pytest.raises(StopError):
        run(root, settings, additions=[StopAt(2.5 / 30)], checkpoints=Checkpoints(folder))
    with caplog.at_level(logging.INFO):
        resumed = run(root, settings, additions=[StopAt(9.0)], checkpoints=Checkpoints(folder))
    assert "training goes on after epoch 2 of 30" in caplog.text
    assert (state(resumed[0]), resumed[1]) == (state(whole[0]), whole[1])
    assert len(whole[1]) < 30, "it stopped early"


_PARENT = """
import sys, time
from pathlib import Path
from edgebuild.model.processes.team import hire
if __name__ == "__main__":
    team = hire(2, "cpu", 1, Path(sys.argv[1]))
    print(*[other._process.pid for other in team._others], flush=True)
    time.sleep(60)
"""


def test_no_process_outlives_the_first_one(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(_PARENT)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    parent = subprocess.Popen(
        [sys.executable, str(script), str(tmp_path)], stdout=subprocess.PIPE, text=True, env=environment
    )
    assert parent.stdout is not None
    other = int(parent.stdout.readline())
    assert is_running(other)
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 10
    while is_running(other) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not is_running(other)
