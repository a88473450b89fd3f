"""What the tests share: where the networks are, what an exported file is, and how to run and compare it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from edgebuild.config.registries import RUNTIMES
from edgebuild.export.format import ExportRecord, ExportRequest

HERE = Path(__file__).parent
SCHEMES: dict[str, dict[str, str]] = {
    "int8": {"kind": "static", "activations": "int8", "granularity": "per_channel"},
    "int8-dynamic": {"kind": "dynamic", "activations": "int8", "granularity": "per_channel"},
}


@dataclass(frozen=True)
class Exported:
    """One exported file with what made it."""

    request: ExportRequest
    record: ExportRecord
    model: torch.nn.Module
    samples: np.ndarray

    @property
    def file(self) -> Path:
        return self.request.output / self.record.file

    def fed(self) -> np.ndarray:
        """The samples as the file takes them."""
        spec = self.record.inputs[0]
        array = self.samples.transpose(0, 2, 3, 1) if spec.layout == "nhwc" else self.samples
        return np.ascontiguousarray(array, dtype=spec.dtype)

    def expected(self) -> np.ndarray:
        """What PyTorch gives."""
        with torch.no_grad():
            return np.asarray(self.model(torch.from_numpy(self.samples)).numpy())


Export = Callable[..., Exported]


def samples_of(channels: int) -> np.ndarray:
    return np.random.default_rng(7).standard_normal((8, channels, 8, 8)).astype("float32")


def outputs(exported: Exported) -> np.ndarray:
    """All samples through the real runtime."""
    session = RUNTIMES.get("executorch").open(exported.file, 1)
    try:
        fed = exported.fed()
        return np.concatenate([session.run({"image": fed[i : i + 1]})["scores"] for i in range(len(fed))])
    finally:
        session.close()


def decibel(truth: np.ndarray, found: np.ndarray) -> float:
    return float(10 * np.log10(np.sum(truth**2) / np.sum((truth - found.astype("float64")) ** 2)))
