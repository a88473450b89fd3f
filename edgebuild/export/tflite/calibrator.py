"""The child process of `static`: reads float.tflite, samples and job.json from a folder, writes quantized.tflite there.

The file `step` says what it was doing, for the parent to report if this process is killed. `quantize FOLDER` does the
work; `locate FOLDER` finds out which operation of the result has no kernel.
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
    calibrated = bytes(calibrator.Calibrate())
    changed = _with_ranges(calibrated, job["ranges"])
    if job["float_operators"]:
        data = _quantize_but(changed or calibrated, job)
    else:
        if changed is not None:  # the ranges are in the model now: nothing has to be fed again
            calibrator = wrapper.CalibrationWrapper(changed, [], [])
            calibrator.Prepare()
        data = _quantize(calibrator, job)
    (folder / "quantized.tflite").write_bytes(data)
    step("running the quantized file")
    _run(data)


def _with_ranges(calibrated: bytes, ranges: dict[str, list[float]]) -> bytes | None:
    """Put `ranges` (tensor name -> least, greatest) in the place of calibrated ones; None where nothing changes.

    Activations that were zero in every sample get the range [0, 1]: their own would make a scale of zero, which no
    kernel takes and which spoils the bias of the next layer. Any scale holds a zero exactly.
    """
    from edgebuild.runtime.litert_flatbuffer import parse_model, serialize_model, tensor_name

    model = parse_model(calibrated, "the calibrated model")
    changed = False
    for tensor in model.subgraphs[0].tensors:
        found = tensor.quantization
        if found is None or found.max is None or not len(found.max):
            continue
        if tensor_name(tensor) in ranges:
            low, high = ranges[tensor_name(tensor)]
        elif max(-found.min[0], found.max[0]) <= np.finfo(np.float32).tiny:
            low, high = 0.0, 1.0
        else:
            continue
        found.min, found.max, changed = [low], [high], True
    return serialize_model(model) if changed else None


def _quantize_but(calibrated: bytes, job: dict[str, Any]) -> bytes:
    """Quantize, but leave the operators at the positions `float_operators` as they are."""
    from ai_edge_litert import _pywrap_tensorflow_lite_calibration_wrapper as wrapper

    from edgebuild.export.tflite.hidden_operators import hide, read_inputs, show
    from edgebuild.runtime.litert_flatbuffer import parse_model, serialize_model

    model = parse_model(calibrated, "the calibrated model")
    hidden = hide(model, job["float_operators"])
    data = serialize_model(model)
    quantized = parse_model(_quantize(wrapper.CalibrationWrapper(data, [], []), job), "the quantized model")
    read_inputs(quantized, hidden)
    show(quantized, hidden)
    return serialize_model(quantized)


def _quantize(calibrator: Any, job: dict[str, Any]) -> bytes:
    def code(name: str) -> int:
        return int(np.dtype(name).num)

    allow_float, per_tensor_convolutions = bool(job["float_operators"]), False
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


def _run(data: bytes, *, delegated: bool = True) -> None:
    """Run the file once on zeros: some operations can be quantized, but have no kernel that takes those integers."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    kernels = OpResolverType.AUTO if delegated else OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    interpreter = Interpreter(model_content=data, experimental_op_resolver_type=kernels)
    interpreter.allocate_tensors()
    for detail in interpreter.get_input_details():
        interpreter.set_tensor(detail["index"], np.zeros(detail["shape"], detail["dtype"]))
    interpreter.invoke()


def locate(folder: Path) -> None:
    """Find the operation of quantized.tflite that ends this process: the file `step` holds its number when it does."""
    from edgebuild.runtime.litert_flatbuffer import parse_model, serialize_model

    model = parse_model((folder / "quantized.tflite").read_bytes(), "quantized.tflite")
    graph = model.subgraphs[0]
    operators, model.signatureDefs = list(graph.operators), None
    for number, operator in enumerate(operators):
        (folder / "step").write_text(str(number))
        graph.operators, graph.outputs = operators[: number + 1], operator.outputs
        _run(serialize_model(model), delegated=False)


if __name__ == "__main__":
    {"quantize": main, "locate": locate}[sys.argv[1]](Path(sys.argv[2]))
