"""What distillation reads becomes input, code and file of its stage, so that a change of it is noticed."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from edgebuild.compress.needs import needs_of
from edgebuild.compress.prune.parameters import Prune
from edgebuild.config.load import load_project
from edgebuild.config.registries import STAGES
from edgebuild.graph.assemble import BASELINE, build_graph
from edgebuild.graph.key import KeyMaker
from edgebuild.graph.stage import Stage
from edgebuild.graph.store import open_store
from edgebuild.model.weights import write_weights

DIGITS = Path(__file__).resolve().parents[2] / "examples" / "digits"
PLAN = """\
targets:
  - extends: raspberry-pi-4
    plan:
      - distil:
          student: "small:build"
          teacher: {teacher}
          teachers: [{{factory: "big:build", weights: big.safetensors}}]
      - prune: {{ratio: 0.3, finetune: {{epochs: 1}}}}
      - quantize: {{kind: static}}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in ("model.py", "data.py"):
        shutil.copyfile(DIGITS / name, tmp_path / name)
    for name in ("small", "big"):
        (tmp_path / f"{name}.py").write_text("from model import build\n")
    write_weights({"weight": torch.zeros(3)}, tmp_path / "big.safetensors")
    return tmp_path


def stages(root: Path, teacher: str = "baseline") -> list[Stage]:
    text = (DIGITS / "pruned.yaml").read_text()
    (root / "edgebuild.yaml").write_text(text[: text.index("targets:")] + PLAN.format(teacher=teacher))
    return [stage for stage in build_graph(load_project(root / "edgebuild.yaml")) if stage.kind == "step"]


def test_tables_inside_of_tables_are_asked() -> None:
    plain = {"ratio": 0.5}
    assert needs_of(Prune.model_validate(plain)).models == ()
    taught = {**plain, "finetune": {"distil": {"also": [{"kind": "relational"}]}}}
    assert needs_of(Prune.model_validate(taught)).models == ("baseline",)


def test_a_step_reads_the_baseline_only_where_it_teaches(root: Path) -> None:
    assert [set(stage.inputs) for stage in stages(root)] == [
        {"model", "data", "baseline"},
        {"model", "data"},
        {"model", "data"},
    ]
    assert stages(root)[0].inputs["baseline"] == BASELINE
    assert set(stages(root, "none")[0].inputs) == {"model", "data"}


@pytest.mark.parametrize("change", ["small.py", "big.py", "big.safetensors", None])
def test_the_key_follows_the_code_of_student_and_teacher_and_its_weights(root: Path, change: str | None) -> None:
    def key() -> str:
        stage = stages(root)[0]
        maker = KeyMaker(root, open_store(root).file_digester())
        return maker.make(stage, STAGES.get("step"), dict.fromkeys(stage.inputs, "0")).key

    before = key()
    if change == "big.safetensors":
        write_weights({"weight": torch.ones(3)}, root / change)
    elif change is not None:
        (root / change).write_text("import math\nfrom model import build\n")
    assert (key() == before) == (change is None)
