"""Criteria of pruning against chance, on the digits, at equal multiply-accumulates."""

from __future__ import annotations

import copy
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from measuring.results import Result, publish

from edgebuild.compress.prune.importance import IMPORTANCES
from edgebuild.compress.prune.parameters import Prune
from edgebuild.compress.prune.procedure import prune
from edgebuild.compress.scale import Scale
from edgebuild.compress.step import StepContext
from edgebuild.compress.training import Training
from edgebuild.config.load import load_project
from edgebuild.config.project import Project
from edgebuild.model.data import load_training, make_data_folder
from edgebuild.model.data_folder import read_inputs, read_targets
from edgebuild.model.load import load_source_model, write_model_folder
from edgebuild.model.metric import resolve_metric
from edgebuild.model.model_folder import ModelRecord
from edgebuild.model.seeding import deterministic
from edgebuild.model.train import TrainSettings, train
from edgebuild.progress import Silent

PROJECT = Path(__file__).resolve().parents[1] / "examples" / "digits" / "edgebuild.yaml"
SEEDS = (1, 2, 3, 4, 5)
DRAWS = 3
"""Random cuts of each network."""
CHANCE = "random"


@dataclass(frozen=True)
class Case:
    """How every network is cut: layer by layer or all together, what may remain, and how long it is trained after."""

    scope: str
    keep: float
    epochs: int

    def __str__(self) -> str:
        trained = f"{self.epochs} epochs" if self.epochs else "not trained"
        return f"{self.scope}, {self.keep:.0%} of the MACs, {trained}"


CASES = (Case("local", 0.9, 0), Case("local", 0.4, 2), Case("global", 0.4, 2))
"""Without training the criterion alone decides; with it, what it has left to be trained."""


class Network:
    """One baseline, trained with its seed."""

    def __init__(self, project: Project, data: Path, folder: Path, seed: int) -> None:
        self._project, self._data, self._folder, self._seed = project, data, folder, seed
        self._sections = project.sections()
        folder.mkdir()
        self._model, source = load_source_model(self._sections["model"], project.root, seed)
        arrays, targets = read_inputs(data, "validation"), read_targets(data)
        split = load_training(self._sections["data"], project.root, project.seed, project.model.inputs)
        settings = TrainSettings.from_json(self._sections["train"])
        train(self._model, split, (arrays, targets), settings, seed, 1, Silent(), project.root)
        names = (project.model.inputs, project.model.outputs)
        write_model_folder(folder, ModelRecord(source, *names), self._model)
        metric = resolve_metric(self._sections["metric"], project.root)
        self._scale = Scale(metric, arrays, targets, project.model.outputs)
        self.quality = self._scale.measure(self._model).quality

    def pruned(self, importance: str, case: Case, draw: int = 0) -> tuple[float, float]:
        """Accuracy after a cut and training, and the share of MACs left."""
        table: dict[str, Any] = {
            "importance": importance,
            "scope": case.scope,
            "keep": {"macs": case.keep},
            "round_to": 2,
            "finetune": {"epochs": case.epochs},
        }
        parameters = Prune.model_validate(table)
        seed = self._seed + 1000 * draw
        context = StepContext(
            self._folder, self._data, self._folder, self._project.root, self._sections, self._seed, Silent()
        )
        with deterministic(self._seed, 1):
            training = Training(context, parameters.finetune)
            outcome = prune(copy.deepcopy(self._model), parameters, self._scale, training, seed)
        after = outcome.cuts[-1].after
        return after.quality, after.macs / outcome.before.macs


def main() -> None:
    """Prune every network by every criterion, each layer by the same share and all layers together."""
    project = load_project(PROJECT)
    sys.path.insert(0, str(project.root))
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        data.mkdir()
        sections = project.sections()
        make_data_folder(sections["data"], project.root, data, project.seed, Silent(), project.model.inputs)
        networks = [Network(project, data, Path(folder) / f"baseline-{seed}", seed) for seed in SEEDS]
        results = [Result("float baseline, mean", mean(network.quality for network in networks), "%")]
        for case in CASES:
            results += compare(networks, case)
    publish(
        "prune_importance",
        "Criteria of pruning against chance",
        f"The digits network, {len(SEEDS)} baselines with seeds of their own, {DRAWS} random cuts of each. `local` "
        "cuts every layer by the same share, so that all criteria have equal MACs; `global` ranks the channels of all "
        "layers together.",
        results,
    )


def compare(networks: list[Network], case: Case) -> list[Result]:
    """One line per criterion: the mean accuracy, and how far it is from chance."""
    random = [[network.pruned(CHANCE, case, draw)[0] for draw in range(DRAWS)] for network in networks]
    chance = [mean(draws) for draws in random]
    flat = [value for draws in random for value in draws]
    spread = f"{len(flat)} cuts, {min(flat):.2f} to {max(flat):.2f} %"
    results = [Result(f"{case}, {CHANCE}", mean(chance), "%", detail=spread)]
    for name in IMPORTANCES.names():
        if name == CHANCE:
            continue
        cuts = [network.pruned(name, case) for network in networks]
        gains = [quality - base for (quality, _), base in zip(cuts, chance, strict=True)]
        verdict = "beats chance" if mean(gains) > 0 else "does NOT beat chance"
        share = mean(macs for _, macs in cuts)
        detail = f"{verdict} by {mean(gains):+.2f} points, better in {sum(gain > 0 for gain in gains)} of {len(gains)}"
        detail += f"; {share:.1%} of the MACs"
        results.append(Result(f"{case}, {name}", mean(quality for quality, _ in cuts), "%", detail=detail))
    return results


if __name__ == "__main__":
    main()
