"""The library folder: the generated sources, the .tflite they were compiled from, and `library.json` with their facts.

model.c model.h CMakeLists.txt main.c    for the core of the profile
host/model.c host/model.h                the same model in plain C99, which this host can run
model.tflite                             what was compiled
library.json                             what follows
"""

from __future__ import annotations

import json
from pathlib import Path

from edgebuild.errors import ConfigError
from edgebuild.export.c.compile import CompiledModel
from edgebuild.export.c.describe import compiled_facts
from edgebuild.runtime.c_library import FACTS, HOST, SOURCE


def write_library(folder: Path, target: CompiledModel, host: CompiledModel, source: bytes) -> None:
    """Fill `folder`."""
    write_sources(folder, target)
    write_sources(folder / HOST, host)
    (folder / SOURCE).write_bytes(source)
    facts = {**compiled_facts(target), "host_arena_bytes": host.arena_bytes}
    text = json.dumps(facts, indent=1, sort_keys=True)
    (folder / FACTS).write_text(text + "\n", encoding="utf-8")


def write_sources(folder: Path, compiled: CompiledModel) -> None:
    """Write the files of a compiled model into `folder`, which is made if need be.

    Raises:
        ConfigError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in compiled.files.items():
            (folder / name).write_text(text, encoding="utf-8")
    except OSError as error:
        msg = f"{folder}: cannot be written: {error.strerror}"
        raise ConfigError(msg) from error
