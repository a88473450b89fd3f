"""LeNet-5 on EMNIST Letters, pruned, its weights shared, quantized and packed: times smaller than its float file.

The letters are in `emnist-letters/` of the folder that EDGEBUILD_DATA names.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from measuring.letters import LETTERS, NORMALIZATION, need_letters, test_accuracy
from measuring.results import Result, publish
from measuring.stages import artifact_of, run_stages, write_project

from edgebuild.export.format import read_export
from edgebuild.graph.assemble import target_stages
from edgebuild.package.container.decoder import COMPILED_FOR, decoder_bytes
from edgebuild.package.container.pack import pack_file, unpack

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
        "normalization": NORMALIZATION,
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
    need_letters("deep_compression")
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
    project = write_project(root, PROJECT, [("model", MODEL), ("data", DATA)])
    ids = target_stages(project.targets[0])
    found = {"small": ids.export, "float": str(ids.float_export), "verify": ids.verify}
    found |= {stage.rpartition("-")[2]: stage for stage in ids.steps}
    result = run_stages(project, [ids.verify, str(ids.float_export)])
    return {name: artifact_of(result, stage) for name, stage in found.items()}


def measure(folders: Mapping[str, Path], seconds: float) -> list[Result]:
    """Sizes and accuracies."""
    files = {name: folders[name] / read_export(folders[name]).file for name in ("float", "small")}
    accuracy = {name: test_accuracy(folders[name]) for name in files}
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


if __name__ == "__main__":
    main()
