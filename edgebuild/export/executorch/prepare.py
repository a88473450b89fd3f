"""From an export request to a graph that is ready to be lowered: traced, quantized or halved, layers named."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebuild.errors import ConfigError
from edgebuild.export.executorch.four_bits import round_linears
from edgebuild.export.executorch.half import cast_border, to_half
from edgebuild.export.executorch.layers import mark_layers
from edgebuild.export.executorch.layout import say_order_of_images
from edgebuild.export.executorch.lower import place_of
from edgebuild.export.executorch.norms import delegate_means, delegate_norms
from edgebuild.export.executorch.quantize import quantize, read_calibration
from edgebuild.export.executorch.quantizers import QuantizerOf
from edgebuild.export.executorch.signals import signals_as_images
from edgebuild.export.format import ExportRequest, IoSpec, Layout
from edgebuild.model.data_folder import InputSpec, read_summary
from edgebuild.model.fakequant.ranges import ranges_of_folder
from edgebuild.model.model_folder import ModelRecord, read_record

if TYPE_CHECKING:
    import torch
    from torch.export import ExportedProgram

_IMAGE_RANK = 4
_DYNAMIC = ("int8-dynamic", "int4-dynamic")


@dataclass(frozen=True)
class Prepared:
    """A graph and what its file will take and give.

    Attributes:
        graph: to lower; not yet laid out.
        example: input tensors, batch 1, as the PyTorch model takes them but in the file's dtype.
        layers: dotted names in forward order, those that later passes fold away included.
        inputs, outputs: as the caller of the file sees them.
        half: the graph computes in float16.
    """

    graph: torch.fx.GraphModule
    example: tuple[torch.Tensor, ...]
    layers: tuple[str, ...]
    inputs: tuple[IoSpec, ...]
    outputs: tuple[IoSpec, ...]
    half: bool


def trace(
    request: ExportRequest, change: Callable[[torch.nn.Module], object] = lambda _model: None
) -> tuple[torch.fx.GraphModule, tuple[str, ...], tuple[Any, ...]]:
    """The float graph of the model with its layers marked, the layers, and the outputs as the tracer saw them.

    `change` may do something to the model before.

    Raises:
        ConfigError: the model cannot be rebuilt or traced.
    """
    import torch

    from edgebuild.model.exportable import check_exportable
    from edgebuild.model.load import rebuild

    record = read_record(request.model)
    model = rebuild(request.model, request.project_root)
    change(model)
    specs = _ordered(record, read_summary(request.data).inputs)
    exported = check_exportable(model, _zeros(specs), request.project_root)
    layers = mark_layers(exported)
    _refuse_changing_shapes(exported)
    output = next(node for node in exported.graph.nodes if node.op == "output")
    values = tuple(node.meta["val"] for node in output.args[0] if isinstance(node, torch.fx.Node))
    if len(values) != len(record.output_names):
        names = ", ".join(record.output_names)
        msg = f"the model returns {len(values)} tensors, the project names {len(record.output_names)} outputs ({names})"
        raise ConfigError(msg, remedy="name every output in model.outputs")
    graph = delegate_means(signals_as_images(exported.module(check_guards=False)))
    return graph if request.dtype == "int8" else delegate_norms(graph), layers, values


def prepare(request: ExportRequest, own: QuantizerOf | None = None) -> Prepared:
    """Trace the model and bring it to the dtype of the request; `own` makes the quantizer of another backend.

    Raises:
        ConfigError: the model cannot be traced, or the plan did not quantize as the dtype needs.
    """
    import torch

    record = read_record(request.model)
    request.progress.update(0.0, "tracing")
    four_bits: list[str] = []
    rounding = partial(_round_linears, request=request, rounded=four_bits)
    graph, layers, values = trace(request, rounding) if request.dtype == "int4-dynamic" else trace(request)
    specs = _ordered(record, read_summary(request.data).inputs)
    inputs = tuple(torch.from_numpy(array) for array in _zeros(specs).values())
    half = request.dtype == "fp16"
    if request.dtype in ("int8", *_DYNAMIC):
        calibration = read_calibration(request.model, record.input_names)
        if request.dtype in _DYNAMIC:
            calibration = _zeros(specs)  # only the weights are fixed ahead
            say_order_of_images(graph)
        trained = ranges_of_folder(request.model, request.project_root)
        graph = quantize(
            graph, record.quantization, request.dtype, calibration, request.progress, trained, four_bits, own
        )
    if half:
        _refuse_quantized(record)
        graph = to_half(graph)
        if request.io == "float16":
            inputs = tuple(tensor.half() if tensor.is_floating_point() else tensor for tensor in inputs)
        else:
            graph = cast_border(graph)
    if request.dtype == "fp32":
        _refuse_quantized(record)
    io_type = "float16" if half and request.io == "float16" else "float32"
    return Prepared(
        graph,
        inputs,
        layers,
        tuple(_spec(spec.name, (1, *spec.shape), spec.dtype, request.layout, io_type) for spec in specs),
        tuple(
            _spec(name, tuple(value.shape), str(value.dtype).removeprefix("torch."), request.layout, io_type)
            for name, value in zip(record.output_names, values, strict=True)
        ),
        half,
    )


def _round_linears(model: torch.nn.Module, request: ExportRequest, rounded: list[str]) -> None:
    """Round the weights of linear layers to 4 bits, where the plan agrees, and note which.

    Batch norms are folded before, as they are into all weights: a rounded one takes none.
    """
    from edgebuild.model.exportable import check_exportable
    from edgebuild.model.fakequant.fold import fold_norms
    from edgebuild.model.fakequant.scheme import scheme_of

    record = read_record(request.model)
    scheme: Mapping[str, Any] = record.quantization or {}
    if scheme.get("weights") != "int4":
        return
    zeros = _zeros(_ordered(record, read_summary(request.data).inputs))
    fold_norms(model, scheme_of(check_exportable(model, zeros, request.project_root).module().graph))
    rounded += round_linears(model, record.layer_types)


def _spec(name: str, shape: tuple[int, ...], dtype: str, layout: Layout, float_type: str) -> IoSpec:
    is_image = len(shape) == _IMAGE_RANK
    if layout == "nhwc" and is_image:
        shape = (shape[0], shape[2], shape[3], shape[1])
    return IoSpec(name, shape, float_type if dtype == "float32" else dtype, layout if is_image else "nchw")


def _ordered(record: ModelRecord, specs: tuple[InputSpec, ...]) -> tuple[InputSpec, ...]:
    by_name = {spec.name: spec for spec in specs}
    absent = [name for name in record.input_names if name not in by_name]
    if absent:
        msg = f"the model takes {', '.join(record.input_names)}, the data has {', '.join(by_name)}"
        raise ConfigError(msg, remedy="let the data function name its inputs after the model's arguments")
    return tuple(by_name[name] for name in record.input_names)


def _zeros(specs: tuple[InputSpec, ...]) -> dict[str, np.ndarray]:
    """One sample per input; a trace depends on shapes and types only."""
    return {spec.name: np.zeros((1, *spec.shape), dtype=spec.dtype) for spec in specs}


def _refuse_changing_shapes(exported: ExportedProgram) -> None:
    for node in exported.graph.nodes:
        shape = getattr(node.meta.get("val"), "shape", ())
        if any(not isinstance(size, int) for size in shape):
            msg = (
                f"the model cannot be lowered to ExecuTorch: {place_of(node)} gives a shape that depends on the values"
            )
            raise ConfigError(msg, remedy="give every tensor a fixed shape: mask values instead of selecting them")


def _refuse_quantized(record: ModelRecord) -> None:
    scheme: Mapping[str, Any] | None = record.quantization
    if scheme is not None and scheme.get("kind") != "float16":
        msg = f"the plan quantizes (kind: {scheme.get('kind')}), but the export dtype is a floating-point one"
        raise ConfigError(msg, remedy="export dtype int8 or int8-dynamic, or take quantize out of the plan")
