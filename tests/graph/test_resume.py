"""A build that was killed while it trained goes on with the next build, and makes the same artifact."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from edgebuild.config.load import load_project
from edgebuild.graph.assemble import BASELINE, build_graph
from edgebuild.graph.observer import Unobserved
from edgebuild.graph.schedule import execute
from edgebuild.graph.store import open_store
from edgebuild.graph.store_care import collect_garbage

PROJECT = """\
name: slow
model: {factory: "model:build"}
data: {function: "data:load"}
metric: accuracy
train: {epochs: 12, batch_size: 8}
targets: [raspberry-pi-4]
"""
MODEL = "from torch import nn\n\n\ndef build():\n    return nn.Sequential(nn.Flatten(), nn.Linear(16, 3))\n"
DATA = """\
import pathlib
import time

import numpy as np

DELAY = float(pathlib.Path(__file__).with_name("delay.txt").read_text())


class Slow:
    def __len__(self):
        return 64

    def __getitem__(self, index):
        time.sleep(DELAY)
        image = np.random.default_rng(index).normal(size=(1, 4, 4)).astype(np.float32)
        return image + np.random.normal(0, 0.1, image.shape).astype(np.float32), index % 3


def load():
    rng = np.random.default_rng(0)
    return {"train": Slow(), "validation": (rng.normal(size=(9, 1, 4, 4)).astype("float32"), np.arange(9) % 3)}
"""
BUILD = """\
import sys
from pathlib import Path

from edgebuild.config.load import load_project
from edgebuild.graph.assemble import BASELINE, build_graph
from edgebuild.graph.observer import Unobserved
from edgebuild.graph.schedule import execute
from edgebuild.graph.store import open_store

root = Path(sys.argv[1])
graph = build_graph(load_project(root / "edgebuild.yaml")).subgraph([BASELINE])
execute(graph, open_store(root), root, jobs=1, observer=Unobserved())
"""


def make(root: Path, delay: float) -> Path:
    root.mkdir()
    (root / "delay.txt").write_text(str(delay))
    for name, text in (("edgebuild.yaml", PROJECT), ("model.py", MODEL), ("data.py", DATA)):
        (root / name).write_text(text)
    return root


def build(root: Path) -> str:
    graph = build_graph(load_project(root / "edgebuild.yaml")).subgraph([BASELINE])
    artifact = execute(graph, open_store(root), root, jobs=1, observer=Unobserved()).artifact(BASELINE)
    assert artifact is not None
    return artifact.name


def test_a_killed_build_goes_on(tmp_path: Path) -> None:
    root = make(tmp_path / "killed", 0.012)
    process = subprocess.Popen([sys.executable, "-c", BUILD, str(root)], start_new_session=True)
    checkpoints = root / ".edgebuild" / "checkpoints"
    deadline = time.monotonic() + 120
    while not list(checkpoints.glob("*/1.safetensors")):
        assert process.poll() is None, "the build ended before it wrote a checkpoint"
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    (root / "delay.txt").write_text("0")  # not part of the key: code is
    digest = build(root)
    log = (root / ".edgebuild" / "logs" / "baseline.log").read_text()
    assert "training goes on after epoch" in log
    assert list(checkpoints.iterdir()) == []
    assert build(make(tmp_path / "whole", 0.0)) == digest


def test_garbage_collection_removes_checkpoints(tmp_path: Path) -> None:
    store = open_store(tmp_path)
    store.checkpoints_path("key").mkdir(parents=True)
    collect_garbage(store)
    assert not store.checkpoints_path("key").exists()
