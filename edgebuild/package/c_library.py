"""The package `c-library`: the compiled model with its header, a build file and an example, to put into firmware."""

from __future__ import annotations

import json
import shutil

from edgebuild.config.parameters import Parameters
from edgebuild.config.registries import PACKAGERS
from edgebuild.errors import ConfigError
from edgebuild.export.format import ExportRecord, IoSpec, read_export
from edgebuild.package.contents import write_labels, write_manifest
from edgebuild.package.packager import Packager, PackageRequest, read_options
from edgebuild.runtime.c_library import FACTS, SOURCE

_README = """\
# {prefix}: a neural network in C99 for {core}

`{prefix}.c` and `{prefix}.h` are all that a firmware needs: no interpreter, no heap, no global variables.

```c
#include "{prefix}.h"

static uint8_t arena[{upper}_ARENA_BYTES] __attribute__((aligned({upper}_ARENA_ALIGNMENT)));

memcpy({prefix}_input_0(arena), samples, {upper}_INPUT_0_BYTES);   /* again before every call */
{prefix}_invoke(arena);
result = {prefix}_output_0(arena);
```

| | name | type | real value |
|---|---|---|---|
{ports}

Compile it for {core} (`-mcpu=` or `-march=` as the core wants) with `-O2`. `main.c` is an example, `CMakeLists.txt`
builds the library. `model.tflite` is the model that it computes, bit for bit.
"""
_EXTRA = (FACTS, SOURCE, "firmware.json", "firmware.elf")


def pack(request: PackageRequest) -> None:
    """Fill the folder with the library, the .tflite it computes, `README.md`, `labels.txt` and `manifest.json`.

    Where the model ran on an emulated core, the library has the kernels that were chosen there, and the firmware that
    ran and what was counted lie beside it.

    Raises:
        ConfigError: the target's file is no C library.
    """
    read_options(request, Parameters)
    record = read_export(request.export)
    if record.format != "c":
        msg = f"package kind 'c-library' is for targets of format c; this one exports {record.format} ({record.file})"
        raise ConfigError(msg, remedy="use kind: microcontroller for a .tflite as a C array, or export: {format: c}")
    source = request.device or request.export
    names = [*json.loads((source / FACTS).read_text())["files"], *_EXTRA]
    for name in names:
        if (source / name).is_file():
            shutil.copyfile(source / name, request.output / name)
    (request.output / "README.md").write_text(_readme(record), encoding="utf-8")
    write_labels(request, request.output)
    write_manifest(request, record, request.output)


def _readme(record: ExportRecord) -> str:
    prefix, core = record.extra["prefix"], record.extra["core"]
    sides = (("input", record.inputs), ("output", record.outputs))
    ports = [_row(f"{side} {number}", spec) for side, specs in sides for number, spec in enumerate(specs)]
    return _README.format(prefix=prefix, upper=prefix.upper(), core=core, ports="\n".join(ports))


def _row(port: str, spec: IoSpec) -> str:
    return f"| {port} | `{spec.name}` | {spec.dtype} {list(spec.shape)} | {_meaning(spec.scale, spec.zero_point)} |"


def _meaning(scale: float | None, zero_point: int | None) -> str:
    return "as it is" if scale is None else f"(stored - {zero_point or 0}) x {scale:.9g}"


PACKAGERS.register("c-library")(Packager("a compiled model as C sources for firmware", version=1, run=pack))
