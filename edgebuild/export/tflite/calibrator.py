"""The child process of `static`: reads float.tflite, samples and job.json from a folder, writes quantized.tflite there.

The file `step` says what it was doing, for the parent to report if this process is killed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np


def main(folder: Path) -> None:
    """Quantize the model in `folder`."""
    job = json.loads((folder / "job.json").read_text())

    def step(text: str) -> None:
        (folder / "step").write_text(text)

    step("loading the model")
    from ai_edge_litert import _pywrap_tensorflow_lite_calibration_wrapper as wrapper

    model = (folder / "float.tflite").read_bytes()  # the wrapper reads from it until the end, and keeps no reference
    calibrator = wrapper.CalibrationWrapper(model, [], [])
    calibrator.Prepare()
    columns = [np.load(folder / f"input{position}.npy") for position in range(job["inputs"])]
    for number in range(len(columns[0])):
        step(f"running calibration sample {number}")
        calibrator.FeedTensor([np.ascontiguousarray(column[number : number + 1]) for column in columns])
    step("quantizing")
    (folder / "quantized.tflite").write_bytes(_quantize(calibrator, job))


def _quantize(calibrator: Any, job: dict[str, Any]) -> bytes:
    def code(name: str) -> int:
        return int(np.dtype(name).num)

    allow_float = per_tensor_convolutions = False
    return bytes(
        calibrator.QuantizeModel(
            code(job["io"]),
            code(job["io"]),
            allow_float,
            code(job["activations"]),
            code(job["bias"]),
            per_tensor_convolutions,
            job["per_tensor_fully_connected"],
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
