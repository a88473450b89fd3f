"""The export formats `executorch-vulkan` and `executorch-coreml`: a .pte whose delegates run on a phone's GPU or NPU.

Nothing here runs such a delegate. What is checked is the file: which operations are inside, and that the graph that
was handed over computes what the model does.
"""

from __future__ import annotations

import hashlib
import json
import re
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgebuild.config.parameters import Parameters
from edgebuild.config.registries import FORMATS
from edgebuild.errors import ConfigError
from edgebuild.export.executorch.layout import lay_out
from edgebuild.export.executorch.lower import lower
from edgebuild.export.executorch.prepare import prepare
from edgebuild.export.executorch.program import TOOLS, metadata, write_program
from edgebuild.export.format import Dtype, ExportFormat, ExportRequest, LayerError
from edgebuild.export.graph_file import save_graph
from edgebuild.model.data_folder import read_summary
from edgebuild.runtime import coreml_payload, vulkan_payload
from edgebuild.runtime.pytorch_graph import GRAPH

_MANIFEST = re.compile(rb'\{\n    "fileFormatVersion".*?\n\}', re.DOTALL)
_IDENTIFIER = re.compile(rb"executorch_[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def vulkan_partitioner(_dtype: Dtype) -> Any:
    """The partitioner of the Vulkan backend."""
    from executorch.backends.vulkan.partitioner.vulkan_partitioner import VulkanPartitioner

    return VulkanPartitioner()


def coreml_partitioner(dtype: Dtype) -> Any:
    """The partitioner of the Core ML backend, which computes in `dtype` (fp16 or fp32)."""
    import coremltools
    from executorch.backends.apple.coreml.compiler import CoreMLBackend
    from executorch.backends.apple.coreml.partition import CoreMLPartitioner

    precision = coremltools.precision.FLOAT16 if dtype == "fp16" else coremltools.precision.FLOAT32
    specs = CoreMLBackend.generate_compile_specs(
        minimum_deployment_target=coremltools.target.iOS17, compute_precision=precision
    )
    return CoreMLPartitioner(compile_specs=specs)


def without_chance(data: bytes) -> bytes:
    """A .pte without the random names that Core ML's tools give a model and the files in it; names of the same length.

    The name of the model follows from all other bytes: phones keep what they compiled under it.
    """
    data = _MANIFEST.sub(lambda found: _named(found.group()), data)
    plain = _IDENTIFIER.sub(b"", data)
    name = f"executorch_{uuid.UUID(bytes=hashlib.sha256(plain).digest()[:16])}".encode()
    return _IDENTIFIER.sub(name, data)


def _named(manifest: bytes) -> bytes:
    """The manifest with each file named after its path."""
    content = json.loads(manifest)
    entries = content["itemInfoEntries"]
    names = {old: str(uuid.uuid5(uuid.NAMESPACE_URL, entry["path"])) for old, entry in entries.items()}
    content["itemInfoEntries"] = {names[old]: entries[old] for old in sorted(entries, key=names.__getitem__)}
    content["rootModelIdentifier"] = names[content["rootModelIdentifier"]]
    return json.dumps(content, indent=4).encode()


def _run(
    request: ExportRequest,
    name: str,
    backend: str,
    partitioner: Callable[[Dtype], Any],
    finish: Callable[[bytes], bytes],
) -> None:
    # The delegate chooses its own numbers from the float graph; its borders are float32.
    prepared = prepare(replace(request, dtype="fp32"))
    request.progress.update(0.6, f"lowering to {backend}")
    graph, inputs = lay_out(prepared.graph, prepared.example, request.layout)
    save_graph(graph, inputs, (prepared.inputs, prepared.outputs), request.output)
    about = metadata(prepared, read_summary(request.data))
    data, layers = lower(graph, inputs, about, partitioner=partitioner(request.dtype))
    write_program(request, prepared, name, (finish(data), layers), {"backend": backend, "graph": GRAPH})


def _no_layer_error(_request: ExportRequest, _file: Path, _samples: int) -> list[LayerError]:
    msg = "the layers of a phone's delegate cannot be looked into: it does not run on this host"
    raise ConfigError(msg, remedy="diff a target of format executorch or tflite of the same model")


def run_vulkan(request: ExportRequest) -> None:
    """Fill `request.output` with model.pte for Vulkan, graph.pt2, layers.json and export.json.

    Raises:
        ConfigError: the model cannot be traced or lowered.
    """
    _run(request, "executorch-vulkan", vulkan_payload.BACKEND, vulkan_partitioner, bytes)


def run_coreml(request: ExportRequest) -> None:
    """As `run_vulkan`, for Core ML."""
    _run(request, "executorch-coreml", coreml_payload.BACKEND, coreml_partitioner, without_chance)


FORMATS.register("executorch-vulkan")(
    ExportFormat(
        title="ExecuTorch program with Vulkan delegates for the GPU of an Android phone; not run here",
        suffix=".pte",
        dtypes={"fp32": ("float32",)},
        options=Parameters,
        version=1,
        tools=TOOLS,
        runtime="pytorch-graph",
        run=run_vulkan,
        layer_error=_no_layer_error,
        float_format="executorch",
    )
)
FORMATS.register("executorch-coreml")(
    ExportFormat(
        title="ExecuTorch program with Core ML delegates for the GPU and NPU of Apple's devices; not run here",
        suffix=".pte",
        dtypes={"fp16": ("float32",), "fp32": ("float32",)},
        options=Parameters,
        version=1,
        tools=(*TOOLS, "coremltools"),
        runtime="pytorch-graph",
        run=run_coreml,
        layer_error=_no_layer_error,
        float_format="executorch",
    )
)
