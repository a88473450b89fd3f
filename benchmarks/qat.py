"""Quantization-aware training against post-training quantization: small digits networks, the files of both formats.

All three start from the same float baseline: quantized as it is; trained further in float, then quantized; trained as
long in rounded numbers.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import torch
from measuring.results import Result, publish

from edgebuild.compress.finetune import FineTune
from edgebuild.compress.qat import step as qat
from edgebuild.compress.qat.parameters import Qat
from edgebuild.compress.quantize import post_training
from edgebuild.compress.step import StepContext
from edgebuild.compress.training import Training
from edgebuild.config.load import load_project
from edgebuild.config.project import Project
from edgebuild.config.registries import FORMATS, RUNTIMES
from edgebuild.export.feed import from_raw, raw_outputs
from edgebuild.export.format import ExportRequest, read_export
from edgebuild.model.data import load_training, make_data_folder
from edgebuild.model.data_folder import read_inputs, read_targets
from edgebuild.model.evaluate import predict
from edgebuild.model.load import derive_model_folder, load_source_model, rebuild, write_model_folder
from edgebuild.model.model_folder import ModelRecord
from edgebuild.model.train import TrainSettings, train
from edgebuild.progress import Silent

PROJECT = Path(__file__).resolve().parents[1] / "examples" / "digits" / "edgebuild.yaml"
SEEDS = (1, 2, 3, 4, 5)
EPOCHS = 4
RATE = 0.001
PLAIN, TUNED, ROUNDED = "post-training", "float epochs, then post-training", "qat"
NOT_WORSE = 0.25
"""Points that a mean over the seeds may be below another one by chance."""


@dataclass(frozen=True)
class Case:
    """A network that is hard to quantize.

    Attributes:
        width: channels of its first layer.
        granularity: of its weights.
        spread: the channels of the convolutions before a ReLU are scaled by powers of two up to this one and back in
            the layer that reads them: the same function, with weights of uneven size as in many mobile networks
            (Nagel et al., Data-Free Quantization, ICCV 2019, section 3).
    """

    width: int
    granularity: str
    spread: int = 0

    def __str__(self) -> str:
        uneven = f", channels uneven by up to 2^{self.spread}" if self.spread else ""
        return f"width {self.width}, {self.granularity}{uneven}"


CASES = (Case(16, "per_channel"), Case(4, "per_channel"), Case(4, "per_tensor"), Case(4, "per_tensor", 3))


class Network:
    """One baseline, trained with its seed."""

    def __init__(self, project: Project, data: Path, root: Path, case: Case, seed: int) -> None:
        self._project, self._data, self._root, self._case, self._seed = project, data, root, case, seed
        self._sections = project.sections()
        self._baseline = root / "baseline"
        self._baseline.mkdir(parents=True)
        section = {**self._sections["model"], "kwargs": {"width": case.width}}
        model, source = load_source_model(section, project.root, seed)
        arrays, targets = read_inputs(data, "validation"), read_targets(data)
        split = load_training(self._sections["data"], project.root, project.seed, project.model.inputs)
        settings = TrainSettings.from_json(self._sections["train"])
        train(model, split, (arrays, targets), settings, seed, 1, Silent(), project.root)
        if case.spread:
            make_uneven(model, case.spread, seed)
        record = ModelRecord(source, project.model.inputs, project.model.outputs)
        write_model_folder(self._baseline, record, model)
        self._images = {name: np.array(array) for name, array in arrays.items()}
        self._labels = np.array(targets)
        self.float_accuracy = self._accuracy(predict(model, self._images)["output"])

    def folder(self, way: str) -> Path:
        """The model folder that is exported: quantized the one way or the other."""
        if way == ROUNDED:
            context = self._context("qat", self._baseline)
            table = {"epochs": EPOCHS, "learning_rate": RATE, "granularity": self._case.granularity}
            qat.run(context, Qat.model_validate(table))
            return context.output
        before = self._tuned() if way == TUNED else self._baseline
        context = self._context(f"quantized-{way}", before)
        post_training.run(context, post_training.Quantize.model_validate({"granularity": self._case.granularity}))
        return context.output

    def exported(self, folder: Path, form: str) -> float:
        """Accuracy of the file on the validation data, in %."""
        output = self._root / f"{folder.name}-{form}"
        output.mkdir()
        chosen = FORMATS.get(form)
        root = self._project.root
        chosen.run(ExportRequest(folder, self._data, output, root, "int8", "float32", "nchw", {}, 1, Silent()))
        record = read_export(output)
        session = RUNTIMES.get(chosen.runtime).open(output / record.file, 1)
        outputs: Mapping[str, np.ndarray] = from_raw(record, raw_outputs(session, record, self._images))
        session.close()
        return self._accuracy(next(iter(outputs.values())))

    def _tuned(self) -> Path:
        context = self._context("tuned", self._baseline)
        model = rebuild(self._baseline, self._project.root)
        finetune = FineTune(epochs=EPOCHS, learning_rate=RATE)
        Training(context, finetune).tune(model, EPOCHS)
        derive_model_folder(self._baseline, context.output, model)
        return context.output

    def _context(self, name: str, model: Path) -> StepContext:
        output = self._root / name
        output.mkdir()
        project = self._project
        return StepContext(model, self._data, output, project.root, self._sections, self._seed, Silent())

    def _accuracy(self, scores: np.ndarray) -> float:
        return float(100 * np.mean(scores.argmax(axis=1) == self._labels))


def make_uneven(model: Any, spread: int, seed: int) -> None:
    """Scale channels of what a depthwise layer makes, through its batch norm, and take it back in the next weight."""
    powers = np.random.default_rng(seed)
    for block in model.modules():
        if not hasattr(block, "depthwise") or not hasattr(block, "pointwise"):
            continue
        norm, reader = block.depthwise[1], block.pointwise[0]
        factors = torch.from_numpy(2.0 ** powers.uniform(-spread, spread, norm.num_features).astype(np.float32))
        with torch.no_grad():
            norm.weight.mul_(factors)
            norm.bias.mul_(factors)
            reader.weight.div_(factors.reshape(1, -1, 1, 1))


def compare(project: Project, data: Path, folder: Path, case: Case) -> list[Result]:
    """Three lines per case: the mean accuracy of the .tflite, with the .pte and the single seeds in the detail."""
    networks = [Network(project, data, folder / f"seed-{seed}", case, seed) for seed in SEEDS]
    baseline = mean(network.float_accuracy for network in networks)
    results = [Result(f"{case}: float baseline", baseline, "%")]
    means = {}
    for way in (PLAIN, TUNED, ROUNDED):
        found = [
            {form: network.exported(made, form) for form in ("tflite", "executorch")}
            for network in networks
            for made in [network.folder(way)]
        ]
        means[way] = mean(one["tflite"] for one in found)
        seeds = ", ".join(f"{one['tflite']:.1f}" for one in found)
        detail = f".pte {mean(one['executorch'] for one in found):.2f} %; .tflite by seed {seeds}"
        results.append(Result(f"{case}: {way}", means[way], "%", detail=detail))
    behind = max(means[PLAIN], means[TUNED]) - means[ROUNDED]
    claim = f"{case}: qat behind the better of the other two"
    return [*results, Result(claim, behind, "points", limit=NOT_WORSE)]


def main() -> None:
    """Compare in every case."""
    torch.set_num_threads(1)
    project = load_project(PROJECT)
    sys.path.insert(0, str(project.root))
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        data.mkdir()
        section = project.sections()["data"]
        make_data_folder(section, project.root, data, project.seed, Silent(), project.model.inputs)
        results = []
        for number, case in enumerate(CASES):
            results += compare(project, data, Path(folder) / f"case-{number}", case)
    publish(
        "qat",
        "Quantization-aware training against post-training quantization",
        f"The digits network in int8, {len(SEEDS)} baselines with seeds of their own. {EPOCHS} epochs of further "
        f"training at a learning rate of {RATE:g}, in float or in rounded numbers. Accuracy of the file on the "
        "validation data.",
        results,
    )


if __name__ == "__main__":
    main()
