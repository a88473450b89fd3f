"""Export folders for the packagers' tests."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from edgebuild.config.registries import PACKAGERS
from edgebuild.export.format import ExportRecord, IoSpec, read_export
from edgebuild.package.packager import PackageRequest

DIGITS = tuple(str(digit) for digit in range(10))

MANIFEST = {
    "manifest_version": 1,
    "project": "My digits-v2",
    "target": "a board",
    "normalization": {"image": {"scale": 0.0625, "mean": [0.5], "std": [0.25]}},
}


def int8_export(folder: Path, data: bytes) -> Path:
    """An export folder that holds `data` as its file, with the interface of an int8 classifier."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.tflite").write_bytes(data)
    ExportRecord(
        format="tflite",
        dtype="int8",
        file="model.tflite",
        layout="nhwc",
        inputs=(IoSpec("image", (1, 8, 8, 1), "int8", "nhwc", scale=0.0078431377, zero_point=-128),),
        outputs=(IoSpec("scores", (1, 10), "int8", scale=0.25, zero_point=3),),
        tools={"ai-edge-litert": "2.3.0"},
    ).write(folder)
    return folder


def c_export(folder: Path) -> Path:
    """An export folder of a compiled model, with the names that the compiler gives its files."""
    int8_export(folder, bytes(range(256)))
    sources = ["CMakeLists.txt", "main.c", "model.c", "model.h"]
    for name in sources:
        (folder / name).write_text(f"/* {name} */\n")
    (folder / "library.json").write_text(json.dumps({"files": sources, "prefix": "model", "core": "cortex-m4"}))
    record = replace(read_export(folder), format="c", file="model.c", extra={"prefix": "model", "core": "cortex-m4"})
    record.write(folder)
    return folder


def pte_export(folder: Path, *inputs: IoSpec) -> Path:
    """An export folder of an ExecuTorch file with float inputs and scores."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.pte").write_bytes(bytes(range(256)) * 5)
    ExportRecord(
        format="executorch",
        dtype="int8",
        file="model.pte",
        layout="nchw",
        inputs=inputs or (IoSpec("image", (1, 1, 8, 8), "float32"),),
        outputs=(IoSpec("scores", (1, 10), "float32"),),
        tools={"executorch": "1.5.1"},
    ).write(folder)
    return folder


def pack(
    kind: str,
    export: Path,
    output: Path,
    *,
    labels: tuple[str, ...] = DIGITS,
    manifest: Mapping[str, Any] = MANIFEST,
    **options: Any,
) -> Path:
    """Run a packager of the registry into the folder `output`."""
    output.mkdir(parents=True)
    PACKAGERS.get(kind).run(PackageRequest(export, labels, manifest, options, output))
    return output
