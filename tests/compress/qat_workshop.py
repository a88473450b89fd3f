"""The step run on a network of qat_zoo.py or zoo.py, and its model exported and run in both formats."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from edgebuild.check.census.model import Census
from edgebuild.check.parity import ParityResult, compare_outputs
from edgebuild.check.promise import Promise, RuntimeVersion
from edgebuild.check.verify import VerifyResult, verify
from edgebuild.compress.qat.parameters import Qat
from edgebuild.compress.qat.step import run
from edgebuild.config.registries import CENSUSES, FORMATS, RUNTIMES
from edgebuild.export.feed import from_raw, raw_outputs
from edgebuild.export.format import ExportRequest, read_export
from edgebuild.model.data_folder import read_inputs
from edgebuild.model.evaluate import predict
from edgebuild.model.fakequant.instrument import instrument_fixed
from edgebuild.model.fakequant.ranges import read_steps
from edgebuild.model.load import rebuild
from edgebuild.model.model_folder import read_record
from edgebuild.progress import Silent
from tests.compress.workshop import Workshop

QAT_ZOO = Path(__file__).with_name("qat_zoo.py")
SUFFIX = {"tflite": "tflite", "executorch": "pte"}
HARDWARE = {"executorch-ethos-u": {"accelerator": "ethos-u55-128"}}
"""Format -> the facts of a profile that it needs."""


@dataclass(frozen=True)
class Exported:
    """One file, against the model that was trained."""

    census: Census
    parity: ParityResult
    proof: VerifyResult


def make(root: Path, network: str, *, zoo: Path = QAT_ZOO, epochs: int = 2) -> Workshop:
    return Workshop(root, network, epochs=epochs, zoo=zoo)


def train(shop: Workshop, name: str = "qat", *, model: Path | None = None, seed: int = 1, **parameters: Any) -> Path:
    """Run the step; returns its model folder."""
    context = shop.context(name, model, seed)
    run(context, Qat.model_validate({"epochs": 2, "learning_rate": 0.003, **parameters}))
    return context.output


def images(shop: Workshop) -> dict[str, np.ndarray]:
    return {name: np.array(array) for name, array in read_inputs(shop.data, "validation").items()}


def rounded_outputs(shop: Workshop, folder: Path) -> np.ndarray:
    """What the trained model computes in its rounded numbers, rebuilt from its folder."""
    model = rebuild(folder, shop.root)
    record = read_record(folder)
    instrument_fixed(model, images(shop), read_steps(record), record.float_layers)
    return predict(model, images(shop), names=("output",))["output"]


def float_outputs(shop: Workshop, folder: Path) -> np.ndarray:
    return predict(rebuild(folder, shop.root), images(shop), names=("output",))["output"]


def export(
    shop: Workshop, folder: Path, form: str, claims: Path | None = None, granularity: str = "per_channel"
) -> Exported:
    """Export `folder`, run the file, and hold it against the claims of `claims` (`folder` itself without it)."""
    output = shop.root / f"{folder.name}-{form}"
    output.mkdir()
    chosen = FORMATS.get(form)
    facts = HARDWARE.get(form, {})
    own = ExportRequest(folder, shop.data, output, shop.root, "int8", "float32", "nchw", {}, 1, Silent(), facts)
    chosen.run(own)
    record = read_export(output)
    session = RUNTIMES.get(chosen.runtime).open(output / record.file, 1)
    outputs = from_raw(record, raw_outputs(session, record, images(shop)))["output"]
    session.close()
    trained = rounded_outputs(shop, claims or folder)
    parity = compare_outputs(trained, outputs, names=("pytorch", form), output="output")
    census = CENSUSES.get(record.file.rpartition(".")[2]).read(output / record.file)
    runtime = RuntimeVersion(chosen.runtime)
    options = {"fully_connected": "per_tensor"}
    promise = Promise("test", form, "int8", "float32", "nchw", runtime, runtime, granularity, options)
    return Exported(census, parity, verify(census, promise, read_record(claims or folder).claims, record.layers))


def on_steps(weight: torch.Tensor, axis: int | None) -> bool:
    """Whether all values are whole multiples of a step of which the largest is the 127th."""
    dims = [dim for dim in range(weight.dim()) if dim != axis]
    largest = weight.abs().max() if axis is None else weight.abs().amax(dims, keepdim=True)
    steps = 127 * weight / largest.clamp_min(1e-12)
    return bool((steps - steps.round()).abs().max() < 1e-3)
