"""The example that reads text, built small: trained by two processes, and judged on the exported files."""

from __future__ import annotations

import json
import math
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebuild.check.census.model import Census
from edgebuild.config.load import load_project
from edgebuild.config.project import Project
from edgebuild.config.registries import CENSUSES
from edgebuild.export.format import read_export
from edgebuild.figure import Figure
from edgebuild.graph.assemble import SCORE, build_graph, target_stages
from edgebuild.graph.collect import judge_budgets
from edgebuild.graph.observer import Unobserved
from edgebuild.graph.result import BuildResult
from edgebuild.graph.schedule import execute
from edgebuild.graph.store import open_store
from edgebuild.model.data_folder import read_summary
from tests.workers import LastingExecutor, building_with

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "characters"
TARGETS = ("litert", "executorch")


class Build:
    """The example with one block and one epoch, built with a metric."""

    def __init__(self, root: Path, workers: LastingExecutor, metric: str, targets: Sequence[str] = TARGETS) -> None:
        text = (EXAMPLE / "edgebuild.yaml").read_text()
        changes = (
            *(("blocks: 2", "blocks: 1"), ("epochs: 8", "epochs: 2"), ("stride: 16", "stride: 32")),
            *(("validation_fraction: 0.1", "validation_fraction: 0.02"), ("metric: perplexity", metric)),
        )
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        (root / "edgebuild.yaml").write_text(re.sub(r" *budgets:.*\n", "", text))
        self.project: Project = load_project(root / "edgebuild.yaml")
        wanted = [target_stages(target).verify for target in self.project.targets if target.name in targets]
        graph = build_graph(self.project).subgraph([SCORE, *wanted])
        with building_with(workers):
            self.result: BuildResult = execute(graph, open_store(root), root, jobs=1, observer=Unobserved())

    def folder(self, stage: str) -> Path:
        found = self.result.artifact(stage)
        assert found is not None, [str(error) for error in self.result.errors()]
        return found

    def facts(self, stage: str) -> dict[str, Any]:
        facts: dict[str, Any] = json.loads((self.folder(stage) / f"{stage.split('/')[-1]}.json").read_text())
        return facts

    def figures(self, stage: str) -> dict[str, Figure]:
        return {raw["name"]: Figure.from_json(raw) for raw in self.facts(stage)["figures"]}

    def census(self, target: str) -> Census:
        folder = self.folder(f"{target}/export")
        file = folder / read_export(folder).file
        census: Census = CENSUSES.get(file.suffix.removeprefix(".")).read(file)
        return census


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("characters")
    for file in EXAMPLE.iterdir():
        if file.is_file():
            shutil.copyfile(file, folder / file.name)
    return folder


@pytest.fixture(scope="module")
def built(root: Path, workers: LastingExecutor) -> Build:
    return Build(root, workers, "metric: perplexity")


def test_the_text_is_what_the_grammar_writes(root: Path) -> None:
    space: dict[str, Any] = {"__name__": "make_text"}
    exec((root / "make_text.py").read_text(), space)
    assert (root / "text.txt").read_text() == space["text"]()


def test_both_files_predict_the_text_as_well_as_the_model(built: Build) -> None:
    baseline = built.figures(SCORE)["accuracy"]
    assert baseline.value is not None
    history = json.loads((built.folder("baseline") / "history.json").read_text())
    best = min(row["validation_loss"] for row in history)
    assert baseline.value == pytest.approx(math.exp(best), rel=1e-3)
    assert baseline.value < 6, "31 characters, and it has learned nothing"
    for target in TARGETS:
        figures = built.figures(f"{target}/verify")
        assert figures["accuracy"].value == pytest.approx(baseline.value, rel=0.02)
        assert figures["accuracy_drop"].value == pytest.approx(figures["accuracy"].value - baseline.value, abs=1e-6)
        assert figures["accuracy"].unit == "1"
        assert all(proof["holds"] for proof in built.facts(f"{target}/verify")["claims"])


def test_the_embedding_is_of_int8_in_the_tflite_file(built: Build) -> None:
    (table,) = [tensor for tensor in built.census("litert").weights if tensor.layer == "tokens"]
    assert (table.dtype, table.shape) == ("int8", (31, 32))
    assert read_summary(built.folder("data")).inputs[0].dtype == "int64"


def test_budgets_of_perplexity_are_limits_from_above(built: Build) -> None:
    figures = built.figures("litert/verify")
    value = figures["accuracy"].value
    assert value is not None
    target = built.project.targets[0]
    for limit, met in ((value * 0.9, False), (value * 1.1, True)):
        budgets = target.budgets.model_copy(update={"accuracy_min": limit})
        (result,) = judge_budgets(target.model_copy(update={"budgets": budgets}), list(figures.values()), False)
        assert (result.met, result.sense) == (met, "max")


@pytest.mark.parametrize("metric", ["auroc", "f1", "{name: bleu, kwargs: {decode: 'words:decode'}}"])
def test_other_metrics_of_tokens_are_measured_on_the_file_too(
    root: Path, workers: LastingExecutor, built: Build, metric: str
) -> None:
    (root / "words.py").write_text("def decode(ids):\n    return ' '.join(map(str, ids))\n")
    other = Build(root, workers, f"metric: {metric}", ["litert"])
    assert other.folder("litert/export") == built.folder("litert/export")
    assert other.facts(SCORE)["higher_is_better"]
    baseline = other.figures(SCORE)["accuracy"]
    assert baseline.value is not None
    assert np.isfinite(baseline.value)
    assert other.figures("litert/verify")["accuracy"].value == pytest.approx(baseline.value, abs=2)
