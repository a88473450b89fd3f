"""Steps that were killed in the middle of a training go on, and end with the same artifact."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from edgebuild.model import checkpoint as checkpoint_module
from tests.compress.classroom import Classroom

STEPS: dict[str, dict[str, Any]] = {
    "cuts": {
        "method": "prune",
        "ratio": 0.5,
        "round_to": 4,
        "schedule": "iterative",
        "steps": 3,
        "finetune": {"epochs": 3, "between": 2},
    },
    "feedback": {
        "method": "prune",
        "keep": {"macs": 0.2},
        "importance": "random",
        "round_to": 1,
        "schedule": "feedback",
        "steps": 2,
        "recover": 5,
        "sparsify": {"epochs": 2, "weight": 0.01},
        "finetune": {"epochs": 2, "between": 1},
    },
    "movement": {
        "method": "prune",
        "kind": "unstructured",
        "sparsity": 0.6,
        "importance": "movement",
        "schedule": "cubic",
        "steps": 2,
        "finetune": {"epochs": 3, "between": 3},
    },
    "features": {
        "method": "distil",
        "student": "model:build",
        "kwargs": {"network": "tiny"},
        "epochs": 5,
        "kind": "features",
        "layers": {"body": "body"},
    },
    "peers": {"method": "distil", "student": "model:build", "teacher": "none", "peers": 1, "epochs": 5},
    "integers": {"method": "qat", "epochs": 5, "freeze_after": 0.5},
}


class KilledError(Exception):
    """Stands for the end of the process."""


class KillAt:
    """Ends everything after a share of the step."""

    def __init__(self, at: float) -> None:
        self.at, self.first = at, 1.0

    def update(self, fraction: float, message: str = "") -> None:
        self.first = min(self.first, fraction)
        if fraction >= self.at:
            raise KilledError


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Classroom:
    return Classroom(tmp_path_factory.mktemp("room"), "plain", epochs=2)


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


@pytest.mark.parametrize("at", [0.35, 0.7])
@pytest.mark.parametrize("name", STEPS)
def test_a_killed_step_ends_with_the_same_artifact(
    room: Classroom, monkeypatch: pytest.MonkeyPatch, name: str, at: float
) -> None:
    monkeypatch.setattr(checkpoint_module, "_SECONDS", 0.0)
    monkeypatch.setattr(checkpoint_module, "_SHARE", 0.0)
    parameters = dict(STEPS[name])
    method, folder = parameters.pop("method"), room.root / f"checkpoints-{name}-{at}"
    whole = room.step(method, f"{name}-{at}-whole", **parameters)
    with pytest.raises(KilledError):
        room.step(method, f"{name}-{at}-killed", checkpoints=folder, progress=KillAt(at), **parameters)
    rest = KillAt(9.0)
    resumed = room.step(method, f"{name}-{at}-resumed", checkpoints=folder, progress=rest, **parameters)
    assert contents(resumed) == contents(whole)
    assert rest.first > 0.1  # what was done is not done again
