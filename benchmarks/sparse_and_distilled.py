"""Criteria of pruning single weights against chance, and kinds of distillation against none, on the digits."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from statistics import mean
from typing import Any

from measuring.results import Result, publish

from edgebuild.compress.step import StepContext, StepMethod
from edgebuild.config.load import load_project
from edgebuild.config.project import Project
from edgebuild.config.registries import STEPS
from edgebuild.model.data import load_training, make_data_folder
from edgebuild.model.data_folder import read_inputs, read_targets
from edgebuild.model.load import load_source_model, write_model_folder
from edgebuild.model.model_folder import ModelRecord, read_record
from edgebuild.model.train import TrainSettings, train
from edgebuild.progress import Silent

PROJECT = Path(__file__).resolve().parents[1] / "examples" / "digits" / "edgebuild.yaml"
SEEDS = (1, 2, 3)
SPARSITIES = (0.8, 0.95)
CRITERIA = ("random", "magnitude", "gradient", "movement")
STUDENT: dict[str, Any] = {"student": "model:build", "kwargs": {"width": 4}, "epochs": 30}
BODY = {"layers": {"body": "body"}}
TEACHING: dict[str, dict[str, Any]] = {
    "labels only": {"weight": 0.0},
    "soft_targets": {},
    "soft_targets and attention": {"also": [{"kind": "attention", **BODY}]},
    "features": {"kind": "features", **BODY},
    "relational": {"kind": "relational"},
    "one peer, no teacher": {"teacher": "none", "peers": 1},
}


class Network:
    """One baseline, trained with its seed, and steps after it."""

    def __init__(self, project: Project, folder: Path, seed: int) -> None:
        self._project, self._root, self._seed = project, folder, seed
        self._sections = project.sections()
        self._data, self._baseline = folder.parent / "data", folder / "baseline"
        self._baseline.mkdir(parents=True)
        model, source = load_source_model(self._sections["model"], project.root, seed)
        arrays, targets = read_inputs(self._data, "validation"), read_targets(self._data)
        split = load_training(self._sections["data"], project.root, project.seed, project.model.inputs)
        settings = TrainSettings.from_json(self._sections["train"])
        train(model, split, (arrays, targets), settings, seed, 1, Silent(), project.root)
        record = ModelRecord(source, project.model.inputs, project.model.outputs)
        write_model_folder(self._baseline, record, model)

    def after(self, method: str, parameters: dict[str, Any]) -> tuple[float, float]:
        """Accuracy before and after a step, as the step measured them."""
        chosen: StepMethod = STEPS.get(method).chosen(parameters)
        output = Path(tempfile.mkdtemp(dir=self._root))
        models = {"baseline": self._baseline}
        base = (self._baseline, self._data, output, self._project.root, self._sections, self._seed, Silent())
        chosen.run(StepContext(*base, models=models), chosen.parameters.model_validate(parameters))
        account = read_record(output).extra[method]
        return account["before"]["quality"], account["after"]["quality"]


def main() -> None:
    """Every criterion and every kind on every baseline."""
    project = load_project(PROJECT)
    sys.path.insert(0, str(project.root))
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        data.mkdir()
        sections = project.sections()
        make_data_folder(sections["data"], project.root, data, project.seed, Silent(), project.model.inputs)
        networks = [Network(project, Path(folder) / f"seed-{seed}", seed) for seed in SEEDS]
        results = []
        for sparsity in SPARSITIES:
            for criterion in CRITERIA:
                parameters = {
                    "kind": "unstructured",
                    "sparsity": sparsity,
                    "importance": criterion,
                    "schedule": "cubic",
                    "steps": 3,
                    "finetune": {"epochs": 4, "between": 2},
                }
                results.append(row(f"{sparsity:.0%} zeros, {criterion}", networks, "prune", parameters))
        results.append(row("2:4, magnitude", networks, "prune", {"kind": "n_m", "finetune": {"epochs": 4}}))
        results += [row(f"student, {name}", networks, "distil", {**STUDENT, **how}) for name, how in TEACHING.items()]
    publish(
        "sparse_and_distilled",
        "Pruning of single weights and distillation",
        f"The digits network, {len(SEEDS)} baselines with seeds of their own; weights are set to zero in three "
        "cuts, and trained 8 epochs in all (movement: 10); the student is the same network of a quarter of the width, "
        "trained 30 epochs.",
        results,
    )


def row(name: str, networks: list[Network], method: str, parameters: dict[str, Any]) -> Result:
    """The mean accuracy after the step, and how it is spread."""
    found = [network.after(method, parameters) for network in networks]
    after = [quality for _, quality in found]
    lost = mean(before - quality for before, quality in found)
    detail = f"{min(after):.2f} to {max(after):.2f} %; {lost:+.2f} points lost"
    print(name, round(mean(after), 2), detail, json.dumps(after), flush=True)
    return Result(name, mean(after), "%", detail=detail)


if __name__ == "__main__":
    main()
