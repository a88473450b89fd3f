"""The ranges that activations were trained with, for the tensors of the float file that hold these activations."""

from __future__ import annotations

import numpy as np

from edgebuild.export.format import ExportRequest
from edgebuild.export.tflite.convert import FloatModel
from edgebuild.model.fakequant.ranges import SAMPLES, ranges_of_folder
from edgebuild.runtime.litert_flatbuffer import parse_model, stored_bytes, tensor_name
from edgebuild.runtime.litert_quiet import quiet


def trained_ranges(
    request: ExportRequest, source: FloatModel, calibration: tuple[np.ndarray, ...]
) -> dict[str, tuple[float, float]]:
    """Name of a tensor of `source` -> (least, greatest); empty where no step of the plan trained ranges.

    Raises:
        ConfigError: the model is not the one that the ranges were trained for.
    """
    trained = ranges_of_folder(request.model, request.project_root)
    if trained is None:
        return {}
    steps = {name: trained.of(values) for name, values in _activations(source.data, calibration).items()}
    return {name: found.range for name, found in steps.items() if found is not None}


def _activations(data: bytes, inputs: tuple[np.ndarray, ...]) -> dict[str, np.ndarray]:
    """Tensor name -> its values over the first samples, for every float tensor that is computed or given."""
    model = parse_model(data, "the float model")
    tensors = model.subgraphs[0].tensors
    computed = {index: tensor_name(t) for index, t in enumerate(tensors) if stored_bytes(model, t) is None}
    rows: dict[str, list[np.ndarray]] = {name: [] for name in computed.values()}
    with quiet("LiteRT"):
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        interpreter = Interpreter(
            model_content=data,
            experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
            experimental_preserve_all_tensors=True,
        )
        interpreter.allocate_tensors()
        for row in range(min(SAMPLES, len(inputs[0]))):
            for detail, array in zip(interpreter.get_input_details(), inputs, strict=True):
                interpreter.set_tensor(detail["index"], np.ascontiguousarray(array[row : row + 1]))
            interpreter.invoke()
            for index, name in computed.items():
                rows[name].append(interpreter.get_tensor(index).copy())
    return {name: np.concatenate(arrays) for name, arrays in rows.items() if arrays[0].dtype == np.float32}
