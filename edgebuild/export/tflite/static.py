"""Full-integer int8 and int16x8, through the calibrator inside ai-edge-litert, in a process of its own."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from edgebuild.errors import ConfigError, ToolError
from edgebuild.export.tflite.gather import lookups_as_gathers
from edgebuild.export.tflite.layer_operators import float_operators
from edgebuild.export.tflite.per_tensor import one_scale_per_tensor
from edgebuild.runtime.litert_flatbuffer import operator_name, parse_model, tensor_name

if TYPE_CHECKING:
    from edgebuild.export.tflite.quantizers import QuantizeTask

_WORKER = "edgebuild.export.tflite.calibrator"
_REASON = re.compile(r"RuntimeError: (.*?)\.?\s*Node number", re.DOTALL)


def full_integer(task: QuantizeTask) -> bytes:
    """Quantize weights to int8 and activations to int8 or int16, with ranges from `task.calibration`.

    The layers that `task` names so stay float32. The calibrator is C++ that may abort its process on a model it
    cannot quantize, so it runs in a child.

    Raises:
        ConfigError: LiteRT has no kernel for an operation of the quantized model; the message names it and its layer.
        ToolError: the calibrator failed or crashed; the message names the model and the step.
    """
    with tempfile.TemporaryDirectory(prefix="edgebuild-calibrate-") as scratch:
        folder = Path(scratch)
        (folder / "float.tflite").write_bytes(lookups_as_gathers(task.model, task.label))
        for position, samples in enumerate(task.calibration):
            np.save(folder / f"input{position}.npy", samples)
        wide = task.dtype == "int16x8"
        job = {
            "inputs": len(task.calibration),
            "io": task.io,
            "activations": "int16" if wide else "int8",
            "bias": "int64" if wide else "int32",
            "per_tensor_fully_connected": task.fully_connected == "per_tensor",
            "ranges": dict(task.ranges),
            "float_operators": list(float_operators(task.model, task.layers_of("float32"), task.label)),
        }
        (folder / "job.json").write_text(json.dumps(job))
        done = _child("quantize", folder)
        result = folder / "quantized.tflite"
        if done.returncode != 0 and result.exists():
            raise _refusal(task, folder)
        if done.returncode != 0 or not result.exists():
            raise ToolError(
                _failure(task, folder, done), remedy="use io: float32, or dtype: int8-dynamic, for this model"
            )
        data = result.read_bytes()
    return one_scale_per_tensor(data, task.model, task.label) if task.granularity == "per_tensor" else data


def _child(work: str, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", _WORKER, work, str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _refusal(task: QuantizeTask, folder: Path) -> ConfigError:
    """Which operation of the quantized file LiteRT does not run, and where it comes from."""
    done = _child("locate", folder)
    what = "the file, on XNNPACK's delegate"
    if done.returncode != 0:
        model = parse_model((folder / "quantized.tflite").read_bytes(), task.label)
        graph = model.subgraphs[0]
        operator = graph.operators[int((folder / "step").read_text())]
        names = [tensor_name(graph.tensors[index]) for index in (*operator.outputs, *operator.inputs) if index >= 0]
        layers = [name.rpartition("/")[0] for name in names if "/" in name]
        what = operator_name(model, operator) + (f" in {layers[0]}" if layers else "")
    said = _REASON.search(done.stderr)
    why = f": {said[1].strip()}" if said else ""
    msg = f"LiteRT has no {task.dtype} kernel for {what}{why}"
    return ConfigError(msg, remedy="use dtype int8 or int8-dynamic: more operations have kernels for them")


def _failure(task: QuantizeTask, folder: Path, done: subprocess.CompletedProcess[str]) -> str:
    step = (folder / "step").read_text() if (folder / "step").exists() else "starting"
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    reason = lines[-1].strip() if lines else "it said nothing"
    how = f"was killed by {signal.Signals(-done.returncode).name}" if done.returncode < 0 else "failed"
    return f"quantizing {task.label} to {task.dtype}: the calibrator {how} while {step}: {reason}"
