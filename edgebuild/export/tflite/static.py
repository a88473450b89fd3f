"""Full-integer int8 and int16x8, through the calibrator inside ai-edge-litert, in a process of its own."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgebuild.errors import ToolError
from edgebuild.export.tflite.per_tensor import one_scale_per_tensor

if TYPE_CHECKING:
    from edgebuild.export.tflite.quantizers import QuantizeTask

_WORKER = "edgebuild.export.tflite.calibrator"


def full_integer(task: QuantizeTask) -> bytes:
    """Quantize weights to int8 and activations to int8 or int16, with ranges from `task.calibration`.

    The calibrator is C++ that may abort its process on a model it cannot quantize, so it runs in a child.

    Raises:
        ToolError: the calibrator failed or crashed; the message names the model and the step.
    """
    with tempfile.TemporaryDirectory(prefix="edgebuild-calibrate-") as scratch:
        folder = Path(scratch)
        (folder / "float.tflite").write_bytes(task.model)
        for position, samples in enumerate(task.calibration):
            np.save(folder / f"input{position}.npy", samples)
        wide = task.dtype == "int16x8"
        job = {
            "inputs": len(task.calibration),
            "io": task.io,
            "activations": "int16" if wide else "int8",
            "bias": "int64" if wide else "int32",
            "per_tensor_fully_connected": task.fully_connected == "per_tensor",
        }
        (folder / "job.json").write_text(json.dumps(job))
        done = subprocess.run([sys.executable, "-m", _WORKER, str(folder)], capture_output=True, text=True, check=False)
        result = folder / "quantized.tflite"
        if done.returncode != 0 or not result.exists():
            raise ToolError(
                _failure(task, folder, done), remedy="use io: float32, or dtype: int8-dynamic, for this model"
            )
        data = result.read_bytes()
    return one_scale_per_tensor(data, task.model, task.label) if task.granularity == "per_tensor" else data


def _failure(task: QuantizeTask, folder: Path, done: subprocess.CompletedProcess[str]) -> str:
    step = (folder / "step").read_text() if (folder / "step").exists() else "starting"
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    reason = lines[-1].strip() if lines else "it said nothing"
    how = f"was killed by {signal.Signals(-done.returncode).name}" if done.returncode < 0 else "failed"
    return f"quantizing {task.label} to {task.dtype}: the calibrator {how} while {step}: {reason}"
