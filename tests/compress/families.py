"""A network of family_zoo.py as a project: trained, compressed by any step, exported to both formats and held to it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgebuild.check.census.model import Census
from edgebuild.check.parity import compare_outputs
from edgebuild.check.promise import Promise, RuntimeVersion
from edgebuild.check.verify import VerifyResult, verify
from edgebuild.config.registries import CENSUSES, FORMATS, RUNTIMES
from edgebuild.export.feed import from_raw, raw_outputs
from edgebuild.export.format import ExportRequest, read_export
from edgebuild.model.data import load_training, make_data_folder
from edgebuild.model.data_folder import read_inputs, read_targets
from edgebuild.model.evaluate import predict
from edgebuild.model.fakequant.instrument import instrument_fixed
from edgebuild.model.fakequant.ranges import read_steps
from edgebuild.model.load import load_source_model, rebuild, write_model_folder
from edgebuild.model.model_folder import ModelRecord, read_record
from edgebuild.model.train import TrainSettings, train
from edgebuild.progress import Silent
from tests.compress.classroom import Classroom

ZOO = Path(__file__).with_name("family_zoo.py")
SUFFIX = {"tflite": "tflite", "executorch": "pte"}
EPOCHS = 6


@dataclass(frozen=True)
class Built:
    """One file, against the model that it was made from."""

    census: Census
    sqnr_db: float
    proof: VerifyResult


class Family(Classroom):
    """`baseline` is trained for a few epochs; every step is run as the graph would."""

    def __init__(self, root: Path, network: str, **sizes: int) -> None:
        """`sizes` are those of the network that are not as usual."""
        self.root, self.network = root, network
        shutil.copyfile(ZOO, root / "family_zoo.py")
        metric = "mse" if network == "restore" else "accuracy"
        self.project: dict[str, Any] = {
            "data": {"function": "family_zoo:load", "kwargs": {"network": network}},
            "metric": {"name": metric, "kwargs": {}, "higher_is_better": None, "unit": None},
            "train": {"epochs": EPOCHS, "batch_size": 24, "learning_rate": 0.004, "function": None},
        }
        if network == "restore":
            self.project["train"]["loss"] = "mse"
        self.data, self.baseline = root / "data", root / "baseline"
        self.data.mkdir()
        self.baseline.mkdir()
        make_data_folder(self.project["data"], root, self.data, 1, Silent(), [])
        section = {"factory": "family_zoo:build", "kwargs": {"network": network, **sizes}}
        model, source = load_source_model(section, root, seed=1)
        inputs = read_inputs(self.data, "validation")
        split = load_training(self.project["data"], root, 1, tuple(inputs))
        settings = TrainSettings.from_json(self.project["train"])
        train(model, split, (inputs, read_targets(self.data)), settings, 1, 1, Silent(), root)
        write_model_folder(self.baseline, ModelRecord(source, tuple(inputs), ("output",)), model)

    def plan(self, name: str, *steps: tuple[str, dict[str, Any]]) -> Path:
        """Run the steps one after the other; the last model folder."""
        folder = self.baseline
        for number, (method, parameters) in enumerate(steps):
            folder = self.step(method, f"{name}-{number}-{method}", model=folder, **parameters)
        return folder

    def outputs(self, folder: Path) -> np.ndarray:
        """What the model of the folder computes of the validation data, in rounded numbers where it was trained so."""
        model, inputs = rebuild(folder, self.root), self.inputs()
        record = read_record(folder)
        if "qat" in record.extra:
            instrument_fixed(model, inputs, read_steps(record), record.float_layers)
        return predict(model, inputs, names=("output",))["output"]

    def inputs(self) -> dict[str, np.ndarray]:
        return {name: np.array(array) for name, array in read_inputs(self.data, "validation").items()}

    def export(self, folder: Path, form: str, dtype: str, claims: Path | None = None) -> Built:
        """Export `folder`, run the file, and hold it against what `claims` (`folder` without it) says of itself."""
        output = self.root / f"{folder.name}-{form}-{dtype}"
        output.mkdir()
        chosen = FORMATS.get(form)
        chosen.run(ExportRequest(folder, self.data, output, self.root, dtype, "float32", "nchw", {}, 1, Silent()))
        record = read_export(output)
        session = RUNTIMES.get(chosen.runtime).open(output / record.file, 1)
        found = from_raw(record, raw_outputs(session, record, self.inputs()))["output"]
        session.close()
        parity = compare_outputs(self.outputs(folder), found, names=("pytorch", form), output="output")
        census = CENSUSES.get(SUFFIX[form]).read(output / record.file)
        runtime = RuntimeVersion(chosen.runtime)
        quantization = read_record(folder).quantization or {}
        options = {"fully_connected": quantization["fully_connected"]} if "fully_connected" in quantization else {}
        granularity = quantization.get("granularity", "per_channel")
        promise = Promise("test", form, dtype, "float32", "nchw", runtime, runtime, granularity, options)
        source = claims or folder
        proof = verify(census, promise, read_record(source).claims, record.layers, model=source)
        return Built(census, parity.sqnr_db, proof)
