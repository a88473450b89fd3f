"""The export format `c`: a full-integer .tflite, compiled to one self-contained C99 library for a microcontroller."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from pydantic import Field, model_validator

from edgebuild.config.parameters import Parameters
from edgebuild.config.registries import FORMATS
from edgebuild.config.wording import BadValueError
from edgebuild.errors import ConfigError
from edgebuild.export.c.compile import CompileOptions, codebook_layers, compile_model
from edgebuild.export.c.library import write_library
from edgebuild.export.format import ExportFormat, ExportRequest, LayerError, read_export
from edgebuild.model.model_folder import read_record
from edgebuild.runtime.c_library import HOST, SOURCE

TFLITE = "tflite"
_C_NAME = r"^[a-z][a-z0-9_]*$"


class COptions(Parameters):
    """Options of a profile's `export.options`."""

    prefix: str = Field(
        default="model", pattern=_C_NAME, description="of the library's files, functions and macros: `model_invoke`"
    )
    codebooks: bool = Field(
        default=False,
        description="store weights of at most 16 distinct values, which `cluster` makes, as 4-bit indices: about half "
        "of the flash, more cycles",
    )

    @model_validator(mode="before")
    @classmethod
    def _has_no_sparse_weights(cls, values: Any) -> Any:
        if isinstance(values, dict) and "sparse" in values:
            msg = "compiled kernels read every weight, zeros too: sparse storage is an option of the format tflite"
            raise BadValueError(msg, key="sparse")
        return values


def run(request: ExportRequest) -> None:
    """Fill `request.output` with the library, the .tflite in `request.source` that it is made from, and export.json.

    Raises:
        ConfigError: the profile names no core, an operation cannot be compiled, or codebooks are asked and none fits.
    """
    core = request.hardware.get("core")
    if not core:
        msg = "export.format c compiles for one core, and the profile names none"
        raise ConfigError(msg, remedy="add hardware: {core: cortex-m4}, or the core of your part")
    left = read_record(request.model).layer_types
    if "float32" in left.values():
        msg = f"format c has no operation in floating point, but the plan leaves {', '.join(left)} in it"
        raise ConfigError(msg, remedy="let the quantizing step skip nothing for this target")
    options = COptions(**request.options)
    prefix = options.prefix
    assert request.source is not None, "the graph exports what is compiled first"
    record = read_export(request.source)
    data = (request.source / record.file).read_bytes()
    request.progress.update(0.0, f"compiling to C for {core}")
    target = compile_model(data, SOURCE, CompileOptions(prefix, core, codebooks=options.codebooks))
    if options.codebooks and not codebook_layers(target):
        msg = "export.options.codebooks asked, but no layer has at most 16 distinct weights that take fewer bytes so"
        raise ConfigError(msg, remedy="cluster the weights: `- cluster: {clusters: 16}`, then granularity: per_tensor")
    host = compile_model(data, SOURCE, CompileOptions(prefix, "generic"))
    write_library(request.output, target, host, data)
    dataclasses.replace(
        record,
        format="c",
        file=f"{prefix}.c",
        extra={"prefix": prefix, "core": core, "host": f"{HOST}/{prefix}.c", "codebooks": options.codebooks},
    ).write(request.output)
    request.progress.update(1.0, "exported")


def layer_error(request: ExportRequest, file: Path, samples: int) -> list[LayerError]:
    """How far each layer is from float: of the .tflite, which the library computes bit for bit."""
    inner = dataclasses.replace(request, options={})
    errors: list[LayerError] = FORMATS.get(TFLITE).layer_error(inner, file.parent / SOURCE, samples)
    return errors


FORMATS.register("c")(
    ExportFormat(
        title="C99 library for a microcontroller, compiled from a full-integer TensorFlow Lite file",
        suffix=".c",
        dtypes={"int8": ("int8", "uint8", "float32")},
        options=COptions,
        version=2,
        tools=("flatbuffers", "numpy", "ai-edge-litert"),
        sources=("export/c",),
        compiles=TFLITE,
        runtime="c",
        run=run,
        layer_error=layer_error,
        all_integer=True,
        hardware=("core",),
        float_format=TFLITE,
        device_stage="firmware",
    )
)
