"""The package `microcontroller`: the model as a C array with a header that says all a firmware needs to feed it."""

from __future__ import annotations

import re

from pydantic import Field

from edgebuild.config.registries import PACKAGERS
from edgebuild.export.c.header import c_float, c_string
from edgebuild.export.format import ExportRecord, IoSpec
from edgebuild.package.contents import copy_model, write_labels, write_manifest
from edgebuild.package.packager import PackageOptions, Packager, PackageRequest, read_options

ALIGNMENT = 16
"""Bytes; what the TFLite Micro interpreter asks of a model buffer."""

BYTES_PER_LINE = 16

C_TYPES = {
    "float32": "float",
    "int8": "int8_t",
    "uint8": "uint8_t",
    "int16": "int16_t",
    "int32": "int32_t",
    "int64": "int64_t",
    "bool": "bool",
}


class MicrocontrollerOptions(PackageOptions):
    """What a profile may say beside `kind: microcontroller`."""

    symbol: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z][A-Za-z0-9_]*$",
        description="name in C: g_<symbol>_model_data and <SYMBOL>_...; the project's name where left out",
    )


def pack(request: PackageRequest) -> None:
    """Fill the folder with the file, `model_data.c`, `model_data.h`, `labels.txt` and `manifest.json`."""
    options = read_options(request, MicrocontrollerOptions)
    symbol = options.symbol or c_symbol(str(request.manifest.get("project", "")))
    record = copy_model(request, request.output)
    data = (request.output / record.file).read_bytes()
    (request.output / "model_data.h").write_text(_header(symbol, record, len(data), request.labels), encoding="utf-8")
    (request.output / "model_data.c").write_text(_source(symbol, data), encoding="utf-8")
    write_labels(request, request.output)
    write_manifest(request, record, request.output)


def c_symbol(name: str) -> str:
    """Return `name` as a C identifier of lower-case ASCII letters, digits and underscores."""
    word = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return word if word[:1].isalpha() else f"model_{word}".rstrip("_")


def _source(symbol: str, data: bytes) -> str:
    rows = [data[start : start + BYTES_PER_LINE] for start in range(0, len(data), BYTES_PER_LINE)]
    body = ",\n".join("    " + ", ".join(f"0x{byte:02x}" for byte in row) for row in rows)
    return (
        '#include "model_data.h"\n\n'
        "#ifndef __cplusplus\n#include <stdalign.h>\n#endif\n\n"
        f"alignas({ALIGNMENT}) const unsigned char g_{symbol}_model_data[] = {{\n{body},\n}};\n"
        f"const unsigned int g_{symbol}_model_data_len = {len(data)}u;\n"
    )


def _header(symbol: str, record: ExportRecord, size: int, labels: tuple[str, ...]) -> str:
    upper = symbol.upper()
    guard = f"{upper}_MODEL_DATA_H_"
    lines = [
        f"#ifndef {guard}",
        f"#define {guard}",
        "",
        "#include <stdbool.h>",
        "#include <stdint.h>",
        "",
        "#ifdef __cplusplus",
        'extern "C" {',
        "#endif",
        "",
        f"/* {record.file}, byte for byte; aligned to {ALIGNMENT} bytes. */",
        f"extern const unsigned char g_{symbol}_model_data[];",
        f"extern const unsigned int g_{symbol}_model_data_len;",
        "",
        "#ifdef __cplusplus",
        "}",
        "#endif",
        "",
        f"#define {upper}_MODEL_SIZE {size}",
        f"#define {upper}_LABEL_COUNT {len(labels)}",
    ]
    if labels:
        lines.append(f"#define {upper}_LABELS {{{', '.join(c_string(label) for label in labels)}}}")
    for kind, specs in (("INPUT", record.inputs), ("OUTPUT", record.outputs)):
        lines += ["", f"#define {upper}_{kind}_COUNT {len(specs)}"]
        for position, spec in enumerate(specs):
            lines += ["", *_interface(f"{upper}_{kind}_{position}", spec)]
    return "\n".join([*lines, "", f"#endif  /* {guard} */", ""])


def _interface(prefix: str, spec: IoSpec) -> list[str]:
    elements = 1
    for size in spec.shape:
        elements *= size
    lines = [
        f"#define {prefix}_NAME {c_string(spec.name)}",
        f"#define {prefix}_TYPE {C_TYPES[spec.dtype]}",
        f"#define {prefix}_RANK {len(spec.shape)}",
        f"#define {prefix}_SHAPE {{{', '.join(str(size) for size in spec.shape)}}}",
        *(f"#define {prefix}_DIM_{axis} {size}" for axis, size in enumerate(spec.shape)),
        f"#define {prefix}_ELEMENTS {elements}",
    ]
    if len(spec.shape) == 4:
        lines.append(f"#define {prefix}_LAYOUT {c_string(spec.layout)}")
    if spec.scale is not None:
        lines.append("/* real = (stored - ZERO_POINT) * SCALE */")
        lines.append(f"#define {prefix}_SCALE {c_float(spec.scale)}")
        lines.append(f"#define {prefix}_ZERO_POINT ({spec.zero_point})")
    return lines


PACKAGERS.register("microcontroller")(
    Packager(
        "a C array and a header for firmware",
        version=1,
        run=pack,
        options=MicrocontrollerOptions,
        runtimes=("tflite-micro",),
    )
)
