"""What every format that makes a .pte writes: the program, the record of its layers, and what export.json says."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import Any

from edgebuild.export.executorch.prepare import Prepared
from edgebuild.export.format import ExportRecord, ExportRequest
from edgebuild.model.data_folder import DataSummary, InputSpec

FILE = "model.pte"
LAYERS_FILE = "layers.json"
TOOLS = ("torch", "torchao", "executorch", "numpy")
"""Distributions that decide what is in the file."""
_METADATA_VERSION = 1


def write_program(
    request: ExportRequest,
    prepared: Prepared,
    name: str,
    program: tuple[bytes, Mapping[str, Any]],
    extra: Mapping[str, Any],
    present: Collection[str] | None = None,
    tools: Mapping[str, str] | None = None,
) -> None:
    """Write model.pte, layers.json and export.json to `request.output`.

    Args:
        request: whose dtype and layout the file has.
        prepared: with the inputs and outputs that the file has.
        name: of the format.
        program: bytes of the .pte, and the record of its layers.
        extra: what the format says besides.
        present: names of the layers that are in the file; by default, those in the record.
        tools: versions of tools other than TOOLS.
    """
    data, layers = program
    (request.output / FILE).write_bytes(data)
    (request.output / LAYERS_FILE).write_text(json.dumps(layers, indent=1, sort_keys=True) + "\n")
    if present is None:
        present = {*layers["handles"].values(), *(layer for _, layer in layers["kernels"])}
    ExportRecord(
        format=name,
        dtype=request.dtype,
        file=FILE,
        layout=request.layout,
        inputs=prepared.inputs,
        outputs=prepared.outputs,
        layers=tuple(layer for layer in prepared.layers if layer in present),
        tools={**{tool: importlib.metadata.version(tool) for tool in TOOLS}, **(tools or {})},
        extra=dict(extra),
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
