"""The library folder: the generated sources, the .tflite they were compiled from, and `library.json` with their facts.

model.c model.h CMakeLists.txt main.c    for the core of the profile
host/model.c host/model.h                the same model in plain C99, which this host can run
model.tflite                             what was compiled
library.json                             what follows
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edgebuild.export.c.compile import CompiledModel

FACTS = "library.json"
HOST = "host"
SOURCE = "model.tflite"


def write_library(folder: Path, target: CompiledModel, host: CompiledModel, source: bytes) -> None:
    """Fill `folder`."""
    write_sources(folder, target)
    write_sources(folder / HOST, host)
    (folder / SOURCE).write_bytes(source)
    facts = {**library_facts(target), "host_arena_bytes": host.arena_bytes}
    text = json.dumps(facts, indent=1, sort_keys=True)
    (folder / FACTS).write_text(text + "\n", encoding="utf-8")


def write_sources(folder: Path, compiled: CompiledModel) -> None:
    """Write the files of a compiled model into `folder`, which is made."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in compiled.files.items():
        (folder / name).write_text(text, encoding="utf-8")


def library_facts(compiled: CompiledModel) -> dict[str, Any]:
    """What is known of a library without running it, as plain JSON values.

    `memory` has one row per buffer: name, offset and size in bytes, first and last step (layer number; -1 is the
    caller filling the inputs, the number of layers the caller reading the outputs).
    """
    plan = compiled.memory
    buffers = zip(plan.buffers, plan.offsets, strict=True)
    return {
        "prefix": compiled.prefix,
        "core": compiled.core,
        "files": sorted(compiled.files),
        "arena_bytes": compiled.arena_bytes,
        "arena_lower_bound": compiled.arena_lower_bound,
        "weight_bytes": compiled.weight_bytes,
        "table_bytes": compiled.table_bytes,
        "layers": [asdict(layer) for layer in compiled.layers],
        "inputs": [asdict(port) for port in compiled.inputs],
        "outputs": [asdict(port) for port in compiled.outputs],
        "memory": [
            {"name": one.name, "offset": offset, "size": one.size, "first": one.first, "last": one.last}
            for one, offset in buffers
        ],
    }
