"""The protocol on a real exported file in its real runtime."""

import contextlib
import io
import os
from pathlib import Path

import numpy as np
import pytest

from edgebuild.bench.protocol import BenchSettings, measure
from edgebuild.config.registries import RUNTIMES

pytest.importorskip("litert_torch")


def test_a_real_file_is_measured_in_its_own_runtime(tmp_path: Path) -> None:
    import litert_torch
    import torch

    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 8, 3), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(288, 10))
    with contextlib.redirect_stdout(io.StringIO()):
        litert_torch.convert(net.eval(), (torch.zeros(1, 1, 8, 8),)).export(str(tmp_path / "net.tflite"))
    np.save(tmp_path / "x.npy", np.ones((1, 1, 8, 8), np.float32))
    cpu = max(os.sched_getaffinity(0))
    settings = BenchSettings(runs=60, processes=3, cpus=(cpu,))

    result = measure(RUNTIMES.get("litert"), tmp_path / "net.tflite", {"args_0": tmp_path / "x.npy"}, settings)

    latency = result.figures[0]
    assert latency.value is not None
    assert 0 < latency.value < 50
    assert f"pinned to cpu {cpu}, 60 runs in each of 3 processes" in latency.provenance
    assert "LiteRT" in latency.provenance
    assert len(result.conditions["outputs_sha256"]) == 1
    assert "FULLY_CONNECTED" in {op.name for op in result.profile}
