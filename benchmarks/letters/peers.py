"""Other tools alone, on the same baseline, samples and training: torch-pruning, ai-edge-quantizer, torchao, NNCF."""

from __future__ import annotations

import copy
import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measuring.letters import test_letters
from measuring.remembered import Remembered

from edgebuild.config.project import Project
from edgebuild.config.registries import RUNTIMES
from edgebuild.model.count import count_model
from edgebuild.model.data import load_training
from edgebuild.model.data_folder import read_inputs, read_targets
from edgebuild.model.load import rebuild
from edgebuild.model.seeding import deterministic
from edgebuild.model.split import Split
from edgebuild.model.train import TrainSettings, train
from edgebuild.progress import Silent
from edgebuild.runtime.litert_flatbuffer import parse_model, quantization
from edgebuild.runtime.litert_quiet import quiet
from letters import cases as ways

SEED = 1
BATCH = 200
PRUNING_EPOCHS = (1, 6)
"""After each of two cuts, as in `cases.PRUNED`."""
FIRST_INPUT = {"litert": "args_0", "executorch": "input_0"}
"""What a file calls its only input where nobody named it."""
_IMAGE = torch.zeros(1, 1, 28, 28)
TOLERANCE = 0.1
"""Points that ours may be behind by chance: two networks that err on different letters differ by about as much."""


@dataclass(frozen=True)
class Baseline:
    """The trained network as edgebuild has it."""

    model: Path
    data: Path
    project: Project

    def network(self) -> torch.nn.Module:
        """A fresh copy in eval mode."""
        return rebuild(self.model, self.project.root).eval()

    def calibration(self) -> list[torch.Tensor]:
        """The samples that edgebuild calibrates with, one by one [1, 1, 28, 28]."""
        images = read_inputs(self.data, "calibration")["image"]
        return [torch.from_numpy(np.array(images[row : row + 1])) for row in range(len(images))]


@dataclass(frozen=True)
class Peer:
    """What another tool made.

    Attributes:
        accuracy: percent of the test part.
        size: bytes of its file; None where it makes none for these runtimes.
        ours: the case that it is compared with, in the format of `profile`.
        tolerance: points that ours may be behind.
    """

    name: str
    version: str
    accuracy: float
    size: int | None
    macs: int
    ours: str
    profile: str
    tolerance: float = TOLERANCE


def measure_peers(baseline: Baseline, work: Path, remembered: Remembered) -> list[Peer]:
    """All of them that are installed."""
    work.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(baseline.project.threads)
    whole = count_model(baseline.network(), (_IMAGE,)).macs
    found = [
        _torch_pruning(baseline, work),
        _ai_edge_quantizer(baseline, work, whole, remembered),
        _torchao(baseline, work, whole, remembered),
    ]
    return [*found, _nncf(baseline, whole)] if importlib.util.find_spec("nncf") else found


def _torch_pruning(baseline: Baseline, work: Path) -> Peer:
    """Its own pruner, trained as long as edgebuild's plan without a teacher is; the better of two criteria.

    They are its Taylor expansion and the L1 norm that edgebuild's plan takes; the validation part decides.
    """
    images = np.array(read_inputs(baseline.data, "validation")["image"])
    labels = read_targets(baseline.data)
    best: tuple[float, torch.nn.Module] | None = None
    for criterion in ("taylor", "l1"):
        file = work / f"torch_pruning_{criterion}.pt"
        if not file.is_file():
            torch.save(_pruned_by_torch_pruning(baseline, criterion), file)
        found = torch.load(file, weights_only=False)
        right = float((_scores(found, images).argmax(1) == labels).mean())
        if best is None or right > best[0]:
            best = (right, found)
    assert best is not None
    model = best[1]
    macs = count_model(model, (_IMAGE,)).macs
    accuracy = _accuracy(lambda images: _scores(model, images))
    return Peer("torch-pruning", metadata.version("torch-pruning"), accuracy, None, macs, ways.PRUNE.name, ways.LITERT)


def _pruned_by_torch_pruning(baseline: Baseline, criterion: str) -> torch.nn.Module:
    """Cut in two, to the most channels with which the MACs are at most those that edgebuild may leave."""
    project = baseline.project
    settings = TrainSettings.from_json({**project.sections()["train"], "learning_rate": ways.PRUNE_RATE})
    split = load_training(project.sections()["data"], project.root, project.seed, project.model.inputs)
    validation = read_inputs(baseline.data, "validation"), read_targets(baseline.data)
    model = baseline.network()
    whole = count_model(model, (_IMAGE,)).macs
    with deterministic(SEED, project.threads):
        for number, epochs in enumerate(PRUNING_EPOCHS, 1):
            goal = whole * (1 - (1 - ways.KEEP) * number / len(PRUNING_EPOCHS))
            model = _cut(model, goal, split, criterion)
            train(
                model,
                split,
                validation,
                replace(settings, epochs=epochs),
                SEED,
                project.threads,
                Silent(),
                project.root,
            )
    return model.eval()


def _cut(model: torch.nn.Module, goal: float, split: Split, criterion: str) -> torch.nn.Module:
    """The smallest cut that is enough: ratios in steps of 2 %, until the MACs are low enough."""
    import torch_pruning

    inputs, targets = split.stack(np.arange(512))
    for ratio in np.arange(0.02, 0.9, 0.02):
        trial: Any = copy.deepcopy(model)
        kinds = torch_pruning.importance
        importance = kinds.GroupTaylorImportance() if criterion == "taylor" else kinds.GroupMagnitudeImportance(p=1)
        pruner = torch_pruning.pruner.BasePruner(
            trial,
            _IMAGE,
            importance,
            global_pruning=True,
            pruning_ratio=float(ratio),
            max_pruning_ratio=0.9,
            round_to=ways.ROUND_TO,
            ignored_layers=[trial.head],
        )
        trial.train()
        scores = trial(torch.from_numpy(inputs["image"]))
        torch.nn.functional.cross_entropy(scores, torch.from_numpy(np.asarray(targets))).backward()
        pruner.step()
        trial.zero_grad(set_to_none=True)
        if count_model(trial.eval(), (_IMAGE,)).macs <= goal:
            found: torch.nn.Module = trial
            return found
    msg = f"torch-pruning cannot reach {goal:.0f} multiply-accumulates"
    raise RuntimeError(msg)


def _ai_edge_quantizer(baseline: Baseline, work: Path, macs: int, remembered: Remembered) -> Peer:
    """litert_torch's file, quantized by the default recipe for static int8."""
    import litert_torch
    from ai_edge_quantizer import quantizer, recipe

    whole, file = work / "float.tflite", work / "ai_edge_quantizer.tflite"
    with quiet("ai_edge_quantizer"):
        litert_torch.convert(baseline.network(), (_IMAGE,)).export(str(whole))
        maker = quantizer.Quantizer(str(whole), recipe.static_wi8_ai8())
        samples = [{FIRST_INPUT["litert"]: sample.numpy()} for sample in baseline.calibration()]
        calibrated = maker.calibrate({"serving_default": samples})
        file.write_bytes(maker.quantize(calibrated).quantized_model)
    accuracy = remembered.once(file, "accuracy", lambda: _accuracy(_in_runtime("litert", file)))
    version = metadata.version("ai-edge-quantizer")
    return Peer("ai-edge-quantizer", version, accuracy, file.stat().st_size, macs, ways.PTQ.name, ways.LITERT)


def _torchao(baseline: Baseline, work: Path, macs: int, remembered: Remembered) -> Peer:
    """The recipe of the ExecuTorch documentation: PT2E with XNNPACK's quantizer, per channel."""
    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.backends.xnnpack.quantizer.xnnpack_quantizer import (
        XNNPACKQuantizer,
        get_symmetric_quantization_config,
    )
    from executorch.exir import to_edge_transform_and_lower
    from torchao.quantization.pt2e.quantize_pt2e import convert_pt2e, prepare_pt2e

    file = work / "torchao.pte"
    quantizer = XNNPACKQuantizer().set_global(get_symmetric_quantization_config(is_per_channel=True))
    prepared = prepare_pt2e(torch.export.export(baseline.network(), (_IMAGE,)).module(), quantizer)
    with torch.no_grad():
        for sample in baseline.calibration():
            prepared(sample)
    program = torch.export.export(convert_pt2e(prepared), (_IMAGE,))
    lowered = to_edge_transform_and_lower(program, partitioner=[XnnpackPartitioner()]).to_executorch()
    file.write_bytes(lowered.buffer)
    accuracy = remembered.once(file, "accuracy", lambda: _accuracy(_in_runtime("executorch", file)))
    version = metadata.version("torchao")
    return Peer("torchao", version, accuracy, file.stat().st_size, macs, ways.PTQ.name, ways.EXECUTORCH)


def _nncf(baseline: Baseline, macs: int) -> Peer:
    """Post-training quantization with its defaults; it makes no file for these runtimes: its rounded PyTorch model."""
    import nncf

    model = nncf.quantize(
        baseline.network(), nncf.Dataset(baseline.calibration()), subset_size=len(baseline.calibration())
    ).eval()
    accuracy = _accuracy(lambda images: _scores(model, images))
    return Peer("NNCF", nncf.__version__, accuracy, None, macs, ways.PTQ.name, ways.LITERT)


def _scores(model: torch.nn.Module, images: np.ndarray) -> np.ndarray:
    """Of a PyTorch model, [n, 26]."""
    with torch.inference_mode():
        parts = [model(torch.from_numpy(images[row : row + BATCH])) for row in range(0, len(images), BATCH)]
    return np.concatenate([np.asarray(part) for part in parts])


def _in_runtime(name: str, file: Path) -> Callable[[np.ndarray], np.ndarray]:
    """Scores of a file, one image after the other."""

    def run(images: np.ndarray) -> np.ndarray:
        images = _as_the_file_reads(images, file) if name == "litert" else images
        session = RUNTIMES.get(name).open(file, 1)
        try:
            found = [session.run({FIRST_INPUT[name]: images[row : row + 1]}) for row in range(len(images))]
        finally:
            session.close()
        return np.concatenate([next(iter(outputs.values())) for outputs in found])

    return run


def _as_the_file_reads(images: np.ndarray, file: Path) -> np.ndarray:
    """Integers, where the input of the .tflite has a scale."""
    graph = parse_model(file.read_bytes(), file.name).subgraphs[0]
    scale, zero_point, _ = quantization(graph.tensors[graph.inputs[0]])
    if not scale:
        return images
    return np.clip(np.round(images / scale[0]) + zero_point[0], -128, 127).astype(np.int8)


def _accuracy(scores: Callable[[np.ndarray], np.ndarray]) -> float:
    """Percent of the test part."""
    images, labels = test_letters()
    return float((scores(images).argmax(1) == labels).mean() * 100)
