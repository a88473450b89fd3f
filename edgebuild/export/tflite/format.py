"""The export format `tflite`: PyTorch to one .tflite file for LiteRT, tflite-runtime, Edge TPU and microcontrollers."""

from __future__ import annotations

import importlib.metadata
from typing import Any, Literal

import numpy as np
from pydantic import Field

from edgebuild.config.parameters import Parameters
from edgebuild.config.registries import ACCELERATORS, FORMATS
from edgebuild.errors import ConfigError
from edgebuild.export.format import ExportFormat, ExportRecord, ExportRequest, IoSpec
from edgebuild.export.tflite.convert import FloatModel
from edgebuild.export.tflite.layer_error import layer_error
from edgebuild.export.tflite.lower_versions import Lowered, lower_for
from edgebuild.export.tflite.metadata import add_metadata
from edgebuild.export.tflite.op_versions import correct_versions, state_runtime
from edgebuild.export.tflite.quantizers import NEEDS_CALIBRATION, QUANTIZERS, Granularity, QuantizeTask
from edgebuild.export.tflite.source import float_model
from edgebuild.export.tflite.sparse import objection, store_sparsely
from edgebuild.export.tflite.trained import trained_ranges
from edgebuild.model.data_folder import read_summary
from edgebuild.model.model_folder import ModelRecord, read_record
from edgebuild.runtime.litert_flatbuffer import io_names, parse_model, quantization, tensor_shape, type_name

FILE = "model.tflite"
DENSE = "dense.tflite"
"""The same file without sparse storage, for the proof that both are the same model; no package has it."""
_TOOLS = ("torch", "litert-torch", "litert-converter", "ai-edge-litert", "ai-edge-quantizer", "flatbuffers", "numpy")


class TfliteOptions(Parameters):
    """Options of a profile's `export.options`."""

    fully_connected: Literal["per_tensor", "per_channel"] = Field(
        default="per_tensor",
        description="weight scales of FULLY_CONNECTED in int8, int8-dynamic and int16x8; per_channel is a little more "
        "accurate, but tflite-runtime 2.14 computes it wrongly without saying so",
    )
    sparse: bool = Field(
        default=False,
        description="store weights with many zeros sparsely, where that makes the file smaller; it runs no faster",
    )


def run(request: ExportRequest) -> None:
    """Fill `request.output` with model.tflite and export.json.

    Raises:
        ConfigError: the model cannot be converted, or the plan did not prepare what the dtype needs.
        ToolError: the quantizer failed.
    """
    request.progress.update(0.0, "converting to .tflite")
    export_converted(request, float_model(request))


def export_converted(request: ExportRequest, source: FloatModel) -> None:
    """Do what `run` does, from a model that is converted already (with the layout of `request`)."""
    record = read_record(request.model)
    label = str(record.source.get("factory") or record.source.get("kind"))
    options = TfliteOptions(**request.options)
    request.progress.update(0.6, f"quantizing to {request.dtype}")
    data = QUANTIZERS[request.dtype](_task(request, record, source, label, options))
    lowered = _for_accelerator(correct_versions(data, label), label, request)
    data = lowered.data
    inputs, outputs = io_specs(data, label, source.channel_last)

    def write(file: str, content: bytes) -> None:
        content = state_runtime(content, label)
        content = add_metadata(content, label, inputs, outputs, read_summary(request.data), source.output_layers)
        (request.output / file).write_bytes(content)

    request.progress.update(0.9, "writing metadata")
    write(FILE, store_sparsely(data, label) if options.sparse else data)
    if options.sparse:
        write(DENSE, data)
    ExportRecord(
        format="tflite",
        dtype=request.dtype,
        file=FILE,
        layout=request.layout,
        inputs=inputs,
        outputs=outputs,
        layers=source.layers,
        tools={name: importlib.metadata.version(name) for name in _TOOLS},
        extra={
            "fully_connected": options.fully_connected,
            **({"dense": DENSE} if options.sparse else {}),
            **_told(lowered),
        },
    ).write(request.output)
    request.progress.update(1.0, "exported")


def _for_accelerator(data: bytes, label: str, request: ExportRequest) -> Lowered:
    """Versions of operations as the compiler of the target's accelerator knows them, where it has one."""
    name = request.hardware.get("accelerator")
    if name is None:
        return Lowered(data)
    return lower_for(ACCELERATORS.get(name).parser, data, label)


def _told(lowered: Lowered) -> dict[str, Any]:
    return {"lowered": list(lowered.changes), "proof": lowered.proof} if lowered.changes else {}


def _task(
    request: ExportRequest, record: ModelRecord, source: FloatModel, label: str, options: TfliteOptions
) -> QuantizeTask:
    scheme = record.quantization or {}
    granularity: Granularity = scheme.get("granularity", "per_channel")
    fully_connected: Granularity = scheme.get("fully_connected", options.fully_connected)
    calibration = _calibration(request, record, source) if request.dtype in NEEDS_CALIBRATION else ()
    return QuantizeTask(
        model=source.data,
        label=label,
        dtype=request.dtype,
        io=request.io,
        granularity=granularity,
        fully_connected="per_tensor" if granularity == "per_tensor" else fully_connected,
        calibration=calibration,
        ranges=trained_ranges(request, source, calibration),
        layer_types=record.layer_types,
    )


def _calibration(request: ExportRequest, record: ModelRecord, source: FloatModel) -> tuple[np.ndarray, ...]:
    """The samples that the plan's quantize step chose, in the file's layout and types."""
    model = parse_model(source.data, FILE)
    graph = model.subgraphs[0]
    columns = []
    for name, index in zip(record.input_names, graph.inputs, strict=True):
        path = request.model / f"calibration.{name}.npy"
        if not path.exists():
            msg = f"dtype {request.dtype} needs calibration samples, but no step of the plan chose any"
            raise ConfigError(msg, remedy="add `- quantize: {kind: static}` to the plan")
        column = np.load(path)
        column = column.transpose(0, 2, 3, 1) if name in source.channel_last else column
        dtype = type_name(graph.tensors[index].type)
        if dtype != "float32" and request.io != "float32":
            msg = f"input {name!r} is {dtype}: found io: {request.io}, which quantizes every input"
            raise ConfigError(msg, remedy="use io: float32, which leaves integer inputs as they are")
        columns.append(np.ascontiguousarray(column.astype(dtype)))
    return tuple(columns)


def io_specs(data: bytes, label: str, channel_last: frozenset[str]) -> tuple[tuple[IoSpec, ...], tuple[IoSpec, ...]]:
    """Inputs and outputs as they stand in the file; `channel_last` names those that are NHWC."""
    model = parse_model(data, label)
    graph = model.subgraphs[0]
    sides = []
    for names, indices in zip(io_names(model), (graph.inputs, graph.outputs), strict=True):
        tensors = [(name, graph.tensors[int(index)]) for name, index in zip(names, indices, strict=True)]
        sides.append(tuple(_io_spec(name, tensor, name in channel_last) for name, tensor in tensors))
    return sides[0], sides[1]


def _io_spec(name: str, tensor: Any, is_channel_last: bool) -> IoSpec:
    scale, zero_point, _ = quantization(tensor)
    return IoSpec(
        name=name,
        shape=tensor_shape(tensor),
        dtype=type_name(tensor.type),
        layout="nhwc" if is_channel_last else "nchw",
        scale=scale[0] if scale else None,
        zero_point=zero_point[0] if scale else None,
    )


FORMATS.register("tflite")(
    ExportFormat(
        title="TensorFlow Lite file for LiteRT, tflite-runtime, Edge TPU and microcontrollers",
        suffix=".tflite",
        dtypes={
            "fp32": ("float32",),
            "fp16": ("float32",),
            "int8": ("int8", "uint8", "float32"),
            "int8-dynamic": ("float32",),
            "int8-weight-only": ("float32",),
            "int4-dynamic": ("float32",),
            "int4-weight-only": ("float32",),
            "int16x8": ("int16", "float32"),
        },
        options=TfliteOptions,
        version=4,
        tools=_TOOLS,
        runtime="litert",
        run=run,
        layer_error=layer_error,
        objects_to=objection,
        hardware=("accelerator",),
    )
)
