"""Small real networks and the folders that an export starts from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edgebuild.config.registries import FORMATS
from edgebuild.export.format import ExportRecord, ExportRequest, read_export
from edgebuild.export.tflite.convert import FloatModel
from edgebuild.export.tflite.format import export_converted
from edgebuild.export.tflite.source import float_model
from edgebuild.model.data_folder import DataSummary, InputSpec
from edgebuild.model.load import build_factory, factory_source, write_model_folder
from edgebuild.model.model_folder import ModelRecord
from edgebuild.progress import Silent

CLASSES = tuple(f"class {number}" for number in range(10))

SOURCE = '''
import torch
from torch import nn


class Block(nn.Module):
    """A residual block whose layer names have underscores."""

    def __init__(self, channels):
        super().__init__()
        self.depth_wise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels, bias=False)
        self.bn_1 = nn.BatchNorm2d(channels)
        self.act = nn.ReLU6()
        self.point_wise = nn.Conv2d(channels, channels, 1)

    def forward(self, x):
        return x + self.point_wise(self.act(self.bn_1(self.depth_wise(x))))


class Residual(nn.Module):
    """Two lists whose members have the same attribute names; strided convolution; dropout; a classifier."""

    def __init__(self, scores_only):
        super().__init__()
        self.scores_only = scores_only
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 3, stride=2, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU())
        self.left = nn.ModuleList([Block(16)])
        self.right = nn.ModuleList([Block(16)])
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.drop = nn.Dropout(0.5)
        self.fc = nn.Linear(16, 10)

    def forward(self, image):
        x = self.stem(image)
        for block in [*self.left, *self.right]:
            x = block(x)
        scores = self.fc(self.drop(torch.flatten(self.pool(x), 1)))
        return scores if self.scores_only else (scores, x)


class Signal(nn.Module):
    """One dimension, with a batch norm that the converter alone would leave."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv1d(4, 16, 5, padding=2), nn.BatchNorm1d(16), nn.ReLU())
        self.head = nn.Linear(16, 3)

    def forward(self, signal):
        return self.head(self.body(signal).mean(-1))


def lively(module):
    """Give batch norms statistics that matter, so that a wrong folding shows."""
    for part in module.modules():
        if isinstance(part, nn.modules.batchnorm._BatchNorm):
            nn.init.uniform_(part.running_mean, -0.5, 0.5)
            nn.init.uniform_(part.running_var, 0.5, 1.5)
            nn.init.uniform_(part.weight, 0.5, 1.5)
            nn.init.uniform_(part.bias, -0.5, 0.5)
    return module


def residual(scores_only=True):
    return lively(Residual(scores_only))


def signal():
    return lively(Signal())


def silent():
    """The first layer is off for every input; what follows computes from biases alone."""
    module = Signal()
    branch = nn.Sequential(nn.Conv1d(4, 8, 3, padding=1), nn.ReLU(), nn.Conv1d(8, 4, 3, padding=1), nn.ReLU())
    nn.init.constant_(branch[0].bias, -100.0)
    nn.init.constant_(branch[2].bias, 0.5)
    return nn.Sequential(branch, lively(module))
'''


class Workbench:
    """A project folder with one network, its data folder, and exports of it."""

    def __init__(self, root: Path, factory: str, kwargs: Mapping[str, Any], inputs: tuple[InputSpec, ...]) -> None:
        self.root, self.inputs = root, inputs
        self.outputs = ("scores",) if kwargs.get("scores_only", True) else ("scores", "features")
        (root / "nets_source.py").write_text(SOURCE)
        source = factory_source(f"nets_source:{factory}", kwargs)
        self.module = build_factory(source, root, seed=3).eval()
        self.arrays = {
            spec.name: np.random.default_rng(5).standard_normal((24, *spec.shape)).astype(np.float32) for spec in inputs
        }
        self.data, self.model = root / "data", root / "model"
        self.data.mkdir()
        self.model.mkdir()
        classes = CLASSES if factory == "residual" else ()
        summary = DataSummary(inputs, {"validation": 24, "calibration": 24}, classes)
        (self.data / "data.json").write_text(json.dumps(summary.to_json()))
        for name, array in self.arrays.items():
            np.save(self.data / f"validation.{name}.npy", array)
            np.save(self.model / f"calibration.{name}.npy", array)
        self._source = source
        self._converted: dict[str, FloatModel] = {}
        self.plan(None)

    def plan(self, quantization: dict[str, Any] | None) -> None:
        """Write the model folder as a plan with this quantize step leaves it."""
        names = tuple(spec.name for spec in self.inputs)
        record = ModelRecord(self._source, names, self.outputs, quantization=quantization)
        write_model_folder(self.model, record, self.module)

    def request(self, name: str, dtype: Any, io: str, layout: Any, **options: Any) -> ExportRequest:
        """A request that exports into a new folder `name`."""
        output = self.root / name
        output.mkdir(exist_ok=True)
        return ExportRequest(
            self.model, self.data, output, self.root, dtype, io, layout, options, seed=0, progress=Silent()
        )

    def export(self, name: str, dtype: Any, io: str, layout: Any, **options: Any) -> tuple[Path, ExportRecord]:
        """Export and return the file with its record."""
        request = self.request(name, dtype, io, layout, **options)
        FORMATS.get("tflite").run(request)
        record = read_export(request.output)
        return request.output / record.file, record

    def converted(self, layout: Any) -> FloatModel:
        """The float model in this layout, converted once."""
        if layout not in self._converted:
            self._converted[layout] = float_model(self.request("float", "fp32", "float32", layout))
        return self._converted[layout]

    def quantized(self, name: str, dtype: Any, io: str, layout: Any, **options: Any) -> tuple[Path, ExportRecord]:
        """As `export`, from the converted model."""
        request = self.request(name, dtype, io, layout, **options)
        export_converted(request, self.converted(layout))
        return request.output / "model.tflite", read_export(request.output)

    def truth(self) -> dict[str, np.ndarray]:
        """What PyTorch returns for the workbench's arrays."""
        import torch

        with torch.no_grad():
            result = self.module(*(torch.from_numpy(array) for array in self.arrays.values()))
        values = result if isinstance(result, tuple) else (result,)
        return {name: value.numpy() for name, value in zip(self.outputs, values, strict=True)}


def sqnr(truth: np.ndarray, found: np.ndarray) -> float:
    """Signal to noise in dB."""
    noise = float(np.sum((truth - found) ** 2))
    return float("inf") if noise == 0 else float(10 * np.log10(float(np.sum(truth**2)) / noise))
