"""The export format `executorch`: PyTorch to one .pte file for ExecuTorch with XNNPACK."""

from __future__ import annotations

import importlib.metadata
import json
from dataclasses import asdict
from typing import Any

from edgebuild.config.parameters import Parameters
from edgebuild.config.registries import FORMATS
from edgebuild.export.executorch.layer_error import layer_error
from edgebuild.export.executorch.layout import lay_out
from edgebuild.export.executorch.lower import lower
from edgebuild.export.executorch.prepare import Prepared, prepare
from edgebuild.export.format import ExportFormat, ExportRecord, ExportRequest
from edgebuild.model.data_folder import DataSummary, InputSpec, read_summary

FILE = "model.pte"
LAYERS_FILE = "layers.json"
_TOOLS = ("torch", "torchao", "executorch", "numpy")
_METADATA_VERSION = 1


class ExecutorchOptions(Parameters):
    """Options of a profile's `export.options`: none yet."""


def run(request: ExportRequest) -> None:
    """Fill `request.output` with model.pte, layers.json and export.json.

    Raises:
        ConfigError: the model cannot be traced or lowered, or the plan did not quantize as the dtype needs.
    """
    prepared = prepare(request)
    request.progress.update(0.6, "lowering to XNNPACK")
    graph, inputs = lay_out(prepared.graph, prepared.example, request.layout)
    data, layers = lower(graph, inputs, metadata(prepared, read_summary(request.data)), half=prepared.half)
    (request.output / FILE).write_bytes(data)
    (request.output / LAYERS_FILE).write_text(json.dumps(layers, indent=1, sort_keys=True) + "\n")
    present = {*layers["handles"].values(), *(layer for _, layer in layers["kernels"])}
    ExportRecord(
        format="executorch",
        dtype=request.dtype,
        file=FILE,
        layout=request.layout,
        inputs=prepared.inputs,
        outputs=prepared.outputs,
        layers=tuple(layer for layer in prepared.layers if layer in present),
        tools={name: importlib.metadata.version(name) for name in _TOOLS},
        extra={"backend": "XnnpackBackend"},
    ).write(request.output)
    request.progress.update(1.0, "exported")


def metadata(prepared: Prepared, summary: DataSummary) -> dict[str, Any]:
    """What the file says about itself, but for its layers: names, layout, normalisation and labels."""
    specs = {spec.name: spec for spec in summary.inputs}
    return {
        "version": _METADATA_VERSION,
        "inputs": [{**asdict(io), "normalization": _normalization(specs.get(io.name))} for io in prepared.inputs],
        "outputs": [asdict(io) for io in prepared.outputs],
        "labels": list(summary.classes),
    }


def _normalization(spec: InputSpec | None) -> dict[str, Any] | None:
    return None if spec is None else {"scale": spec.scale, "mean": list(spec.mean), "std": list(spec.std)}


FORMATS.register("executorch")(
    ExportFormat(
        title="ExecuTorch program with XNNPACK delegates for phones and Linux boards",
        suffix=".pte",
        dtypes={
            "fp32": ("float32",),
            "fp16": ("float32", "float16"),
            "int8": ("float32",),
            "int8-dynamic": ("float32",),
            "int4-dynamic": ("float32",),
        },
        options=ExecutorchOptions,
        version=4,
        tools=_TOOLS,
        runtime="executorch",
        run=run,
        layer_error=layer_error,
    )
)
