"""LeNet-5 on EMNIST Letters, pruned, its weights shared, quantized and packed: times smaller than its float file.

The letters are in `emnist-letters/` of the folder that EDGEBUILD_DATA names.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from measuring.results import Result, publish

from edgebuild.config.load import load_project
from edgebuild.config.registries import RUNTIMES
from edgebuild.export.feed import from_raw, raw_outputs
from edgebuild.export.format import read_export
from edgebuild.graph.assemble import build_graph, target_stages
from edgebuild.graph.observer import Unobserved
from edgebuild.graph.result import BuildResult
from edgebuild.graph.schedule import execute
from edgebuild.graph.store import open_store
from edgebuild.package.container.decoder import COMPILED_FOR, decoder_bytes
from edgebuild.package.container.pack import pack_file, unpack

ROOT = Path(__file__).resolve().parents[1]
LETTERS = (
    Path(os.environ.get("EDGEBUILD_DATA", ROOT.parent / "shared" / "data")) / "emnist-letters" / "emnist_letters.npz"
)
TIMES, LOST = 50.0, 0.5
PAPER = 39.0
"""Times smaller: Deep Compression (Han et al., 2016), table 1, LeNet-5; without a decoder, of weights alone."""

MODEL = """
from torch import nn


def build():
    return nn.Sequential(
        nn.Conv2d(1, 20, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(20, 50, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(800, 500), nn.ReLU(), nn.Linear(500, 26)
    )
"""

DATA = """
import numpy as np


def load(file, train, validation):
    with np.load(file) as arrays:
        x, y = arrays["x_train"][:, None], arrays["y_train"].astype(np.int64) - 1
    rows = np.random.default_rng(0).permutation(len(y))
    parts = {"train": rows[:train], "validation": rows[-validation:]}
    return {name: (x[part], y[part]) for name, part in parts.items()}
"""

TRAIN, VALIDATION = 26_000, 4_000
"""Samples, both from the file's training part; the test part is seen only at the end."""

TEACHER = {"teacher": "baseline", "temperature": 4, "weight": 0.5}

PROJECT: dict[str, Any] = {
    "name": "deep-compression",
    "seed": 1,
    "threads": 1,
    "model": {"factory": "model:build", "inputs": ["image"], "outputs": ["scores"]},
    "data": {
        "function": "data:load",
        "kwargs": {"file": str(LETTERS), "train": TRAIN, "validation": VALIDATION},
        "normalization": {"scale": 0.00392157, "mean": [0.172], "std": [0.331]},
    },
    "metric": "accuracy",
    "train": {"epochs": 5, "batch_size": 64, "optimizer": "adam", "learning_rate": 0.001, "schedule": "cosine"},
    "targets": [
        {
            "extends": "raspberry-pi-4",
            "target": "small",
            "plan": [
                {
                    "prune": {
                        "kind": "unstructured",
                        "sparsity": 0.945,
                        "max_ratio": 0.98,
                        "schedule": "cubic",
                        "steps": 4,
                        "finetune": {"epochs": 5, "between": 1, "learning_rate": 0.0015, "distil": TEACHER},
                    }
                },
                {"cluster": {"clusters": 12, "finetune": {"epochs": 2, "learning_rate": 0.0003, "distil": TEACHER}}},
                {"quantize": {"kind": "static", "granularity": "per_tensor"}},
            ],
        },
    ],
}


def main() -> None:
    """Build, pack, and score every stage on the test part."""
    if not LETTERS.is_file():
        print(f"deep_compression: no letters at {LETTERS}; name the folder that has emnist-letters/ in EDGEBUILD_DATA")
        return
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        start = time.perf_counter()
        folders = build(root)
        seconds = time.perf_counter() - start
        results = measure(folders, seconds)
    publish(
        "deep_compression",
        "Deep Compression of LeNet-5: pruned, shared, quantized, packed",
        f"LeNet-5 of the paper (20 and 50 convolutions of 5x5, 500 and 26 units) on EMNIST Letters: {TRAIN} samples of "
        f"the training part to train and {VALIDATION} to choose the epochs; accuracy is that of all samples of the "
        "test part, of the float and of the final .tflite in LiteRT. The float net is trained for 5 epochs only, the "
        "small one for 10 more with the float one as its teacher, which makes up for some of what is lost; the "
        "settings were chosen after one other run. The container holds the whole final file, byte for byte, with its "
        "graph and metadata; the paper's number is of the weights alone, on MNIST. The decoder's size is its code "
        "and constants (gcc -Os for Cortex-M4, no libraries).",
        results,
    )


def build(root: Path) -> Mapping[str, Path]:
    """The artifacts: `float` and `small` exports, and every step."""
    (root / "model.py").write_text(MODEL)
    (root / "data.py").write_text(DATA)
    (root / "edgebuild.yaml").write_text(json.dumps(PROJECT))
    project = load_project(root / "edgebuild.yaml")
    (target,) = project.targets
    ids = target_stages(target)
    names = [ids.verify, *(stage for stage in (ids.float_export,) if stage)]
    graph = build_graph(project).subgraph(names)
    result: BuildResult = execute(graph, open_store(root), root, jobs=1, observer=Unobserved())
    found = {"small": ids.export, "float": str(ids.float_export), "verify": ids.verify}
    found |= {stage.rpartition("-")[2]: stage for stage in ids.steps}
    artifacts = {name: result.artifact(stage) for name, stage in found.items()}
    if None in artifacts.values():
        sys.exit("\n".join(str(error) for error in result.errors()))
    return {name: folder for name, folder in artifacts.items() if folder is not None}


def measure(folders: Mapping[str, Path], seconds: float) -> list[Result]:
    """Sizes and accuracies."""
    files = {name: folders[name] / read_export(folders[name]).file for name in ("float", "small")}
    accuracy = {name: accuracy_of(folders[name]) for name in files}
    container = pack_file(files["small"])
    if unpack(container) != files["small"].read_bytes():
        sys.exit("deep_compression: the container does not restore the file")
    decoder = decoder_bytes()
    if decoder is None:
        sys.exit("deep_compression: the decoder is counted, and needs arm-none-eabi-gcc (gcc-arm-none-eabi)")
    sizes = {name: file.stat().st_size for name, file in files.items()}
    shipped = len(container) + decoder
    claims = json.loads((folders["verify"] / "verify.json").read_text())["claims"]
    failed = [proof["claim"]["claim"] for proof in claims if not proof["holds"]]
    return [
        Result("float .tflite", sizes["float"] / 1024, "KiB"),
        Result("int8 .tflite, pruned and shared (installed)", sizes["small"] / 1024, "KiB"),
        Result("container (shipped)", len(container) / 1024, "KiB"),
        Result("decoder", decoder / 1024, "KiB", detail=COMPILED_FOR),
        Result(
            "container and decoder, of the float file",
            shipped / sizes["float"],
            "",
            1 / TIMES,
            f"{sizes['float'] / shipped:.1f} times smaller, {TIMES:g} promised; {PAPER:g} in the paper",
        ),
        Result("float accuracy, test part", accuracy["float"], "%"),
        Result("accuracy of the final file, test part", accuracy["small"], "%"),
        Result("accuracy lost", accuracy["float"] - accuracy["small"], "points", LOST),
        Result("claims that do not hold in the file", len(failed), "", 0, f"of {len(claims)}"),
        Result("build, with all training", seconds, "s"),
    ]


def accuracy_of(folder: Path) -> float:
    """Percent of the test part that the exported file in `folder` gets right, in LiteRT."""
    with np.load(LETTERS) as arrays:
        images, labels = arrays["x_test"][:, None], arrays["y_test"].astype(np.int64) - 1
    scaled = ((images * np.float32(0.00392157) - np.float32(0.172)) / np.float32(0.331)).astype(np.float32)
    record = read_export(folder)
    session = RUNTIMES.get("litert").open(folder / record.file, 1)
    try:
        scores = from_raw(record, raw_outputs(session, record, {"image": scaled}))["scores"]
    finally:
        session.close()
    return float((scores.argmax(1) == labels).mean() * 100)


if __name__ == "__main__":
    main()
