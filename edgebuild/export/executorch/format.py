"""The export format `executorch`: PyTorch to one .pte file for ExecuTorch with XNNPACK."""

from __future__ import annotations

from edgebuild.config.parameters import Parameters
from edgebuild.config.registries import FORMATS
from edgebuild.export.executorch.layer_error import layer_error
from edgebuild.export.executorch.layout import lay_out
from edgebuild.export.executorch.lower import lower
from edgebuild.export.executorch.prepare import prepare
from edgebuild.export.executorch.program import TOOLS, metadata, write_program
from edgebuild.export.format import ExportFormat, ExportRequest
from edgebuild.model.data_folder import read_summary


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
    program = lower(graph, inputs, metadata(prepared, read_summary(request.data)), half=prepared.half)
    write_program(request, prepared, "executorch", program, {"backend": "XnnpackBackend"})


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
        tools=TOOLS,
        runtime="executorch",
        run=run,
        layer_error=layer_error,
    )
)
