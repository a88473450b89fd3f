"""Whether there is a GPU is part of what a training depends on, where it may use one."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from edgebuild.config.load import load_project
from edgebuild.graph import assemble
from edgebuild.model.processes.gpu import has_gpu

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "digits" / "pruned.yaml"


def test_it_is_what_torch_says() -> None:
    assert has_gpu() == torch.cuda.is_available()


@pytest.mark.parametrize(("device", "counts"), [("auto", True), ("cpu", False), ("cuda", False)])
def test_it_counts_where_the_device_is_chosen(device: str, counts: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    project = load_project(EXAMPLE)
    assert project.train is not None
    train = project.train.model_copy(update={"device": device})
    project = type(project)(**{**vars(project), "train": train})
    found = {}
    for gpu in (False, True):
        monkeypatch.setattr(assemble, "has_gpu", lambda gpu=gpu: gpu)
        graph = assemble.build_graph(project)
        trained = [stage for stage in graph if "train" in stage.params or "train" in stage.params.get("project", {})]
        assert len(trained) > 1
        found[gpu] = [stage.params for stage in trained]
    assert (found[True] != found[False]) == counts
    assert all(params.get("gpu", False) == counts for params in found[True])
