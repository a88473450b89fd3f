"""Census of a generated C library: of the .tflite beside it, from which every line of it was made.

Its size is that of its constants, which is what it stores in flash beside code; its arena is its own memory plan.
"""

from __future__ import annotations

import dataclasses
import hashlib
from pathlib import Path

from edgebuild.check.census.model import Census, CensusReader
from edgebuild.check.census.tflite import read_census as read_tflite
from edgebuild.config.registries import CENSUSES
from edgebuild.errors import ConfigError
from edgebuild.runtime.c_library import SOURCE, read_facts


def read_census(path: Path) -> Census:
    """Read the library whose main source is `path`.

    Raises:
        ConfigError: no library of edgebuild lies there, it is another of its files, or its .tflite is missing or
            damaged.
    """
    facts = read_facts(path)
    if path.stem != facts["prefix"]:
        msg = f"{path.name} is not the model of the library beside it, expected {facts['prefix']}.c"
        raise ConfigError(msg, remedy=f"name {path.with_name(facts['prefix'] + '.c')}")
    inner = read_tflite(path.with_name(SOURCE))
    metadata = {key: value for key, value in inner.metadata.items() if key != "host_delegate"}
    kernels = ", ".join(sorted({layer["kernel"] for layer in facts["layers"]}))
    return dataclasses.replace(
        inner,
        path=path.name,
        file_bytes=facts["weight_bytes"] + facts["table_bytes"],
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        operations=tuple(dataclasses.replace(operation, delegate=None) for operation in inner.operations),
        arena_bytes=facts["arena_bytes"],
        arena_source=f"the memory plan of the generated code: activations and working memory, of which "
        f"{facts['arena_lower_bound']} B are needed at once",
        metadata={**metadata, "core": facts["core"], "kernels": kernels},
    )


CENSUSES.register("c")(CensusReader(read=read_census))
