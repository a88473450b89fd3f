"""A project folder around the zoo, with data that can be learned, and steps run on it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import torch

from edgebuild.compress.factorize import step as factorize_step
from edgebuild.compress.factorize.parameters import Factorize
from edgebuild.compress.prune.parameters import Prune
from edgebuild.compress.prune.step import run
from edgebuild.compress.step import StepContext
from edgebuild.model.data import make_data_folder
from edgebuild.model.data_folder import read_inputs, read_targets
from edgebuild.model.load import load_source_model, write_model_folder
from edgebuild.model.model_folder import ModelRecord
from edgebuild.model.split import as_split
from edgebuild.model.train import TrainSettings, train
from edgebuild.progress import Silent

ZOO = Path(__file__).with_name("zoo.py")

DATA = """
import numpy as np


def stripes(count, seed):
    rng = np.random.default_rng(seed)
    labels = np.arange(count) % 3
    images = rng.normal(0, 0.5, (count, 1, 8, 8)).astype(np.float32)
    images[labels == 0, :, ::2, :] += 1
    images[labels == 1, :, :, ::2] += 1
    return images, labels


def load():
    return {"train": stripes(96, 0), "validation": stripes(60, 1)}
"""

PROJECT: dict[str, Any] = {
    "data": {"function": "data:load", "kwargs": {}},
    "metric": {"name": "accuracy", "kwargs": {}, "higher_is_better": None, "unit": None},
    "train": {"epochs": 3, "batch_size": 16, "learning_rate": 0.01, "function": None},
}


def image() -> tuple[torch.Tensor, ...]:
    return (torch.randn(1, 1, 8, 8, generator=torch.Generator().manual_seed(0)),)


class Workshop:
    """One network of the zoo as a project: folders `data` and `baseline`, and steps run after them."""

    def __init__(self, root: Path, network: str = "plain", epochs: int = 0, zoo: Path = ZOO) -> None:
        self.root, self.project = root, PROJECT
        shutil.copyfile(zoo, root / "model.py")
        (root / "data.py").write_text(DATA)
        self.data, self.baseline = root / "data", root / "baseline"
        self.data.mkdir()
        self.baseline.mkdir()
        make_data_folder(PROJECT["data"], root, self.data, 1, Silent(), [])
        section = {"factory": "model:build", "kwargs": {"network": network}}
        model, source = load_source_model(section, root, seed=1)
        if epochs:
            arrays, targets = read_inputs(self.data, "validation"), read_targets(self.data)
            split = as_split("train", (np.array(arrays["input"]), targets), root)
            settings = TrainSettings(epochs=epochs, batch_size=16, learning_rate=0.01)
            train(model, split, (arrays, targets), settings, 1, 1, Silent(), root)
        record = ModelRecord(source=source, input_names=("input",), output_names=("output",))
        write_model_folder(self.baseline, record, model)

    def prune(self, name: str = "pruned", *, model: Path | None = None, seed: int = 1, **parameters: Any) -> Path:
        """Run the step; returns its model folder."""
        context = self.context(name, model, seed)
        run(context, Prune.model_validate({"round_to": 4, "finetune": {"epochs": 0, "between": 0}, **parameters}))
        return context.output

    def factorize(
        self, name: str = "factorized", *, model: Path | None = None, seed: int = 1, **parameters: Any
    ) -> Path:
        """Run the step; returns its model folder."""
        context = self.context(name, model, seed)
        own = Factorize.model_validate({"round_to": 2, "finetune": {"epochs": 0}, **parameters})
        factorize_step.run(context, own)
        return context.output

    def context(self, name: str, model: Path | None, seed: int) -> StepContext:
        """What a step sees that reads `model` (the baseline without it) and writes a new folder `name`."""
        output = self.root / name
        output.mkdir()
        return StepContext(
            model=model or self.baseline,
            data=self.data,
            output=output,
            project_root=self.root,
            project=self.project,
            seed=seed,
            progress=Silent(),
        )
