"""Census of a generated C library: of the .tflite beside it, from which every line of it was made.

Its size is that of its constants, which is what it stores in flash beside code; its arena is its own memory plan. How
many distinct values a weight has is counted in the C arrays.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edgebuild.check.census.model import Census, CensusReader, TensorRecord
from edgebuild.check.census.tflite import read_census as read_tflite
from edgebuild.config.registries import CENSUSES
from edgebuild.errors import ConfigError
from edgebuild.export.c.kernel import KERNELS
from edgebuild.runtime.c_library import SOURCE, read_facts

_ARRAY = re.compile(r"static const int8_t (\w+)\[\d+\] EB_ALIGNED = \{([^}]*)\};")


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
    values = _values_of(path.read_text(encoding="utf-8"), facts)
    kernels = ", ".join(sorted({layer["kernel"] for layer in facts["layers"]}))
    return dataclasses.replace(
        inner,
        path=path.name,
        file_bytes=facts["weight_bytes"] + facts["table_bytes"],
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        tensors=tuple(_as_compiled(tensor, values) for tensor in inner.tensors),
        operations=tuple(dataclasses.replace(operation, delegate=None) for operation in inner.operations),
        arena_bytes=facts["arena_bytes"],
        arena_source=f"the memory plan of the generated code: activations and working memory, of which "
        f"{facts['arena_lower_bound']} B are needed at once",
        metadata={**metadata, "core": facts["core"], "kernels": kernels},
    )


def _values_of(source: str, facts: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Layer -> the distinct numbers among its weights in the C source; only layers that have their own array."""
    arrays = {name: np.array(text.split(","), np.int16) for name, text in _ARRAY.findall(source)}
    found = {}
    for layer in facts["layers"]:
        weights, table = (arrays.get(f"{layer['symbol']}_{part}") for part in ("weights", "values"))
        if weights is not None and table is not None and KERNELS.get(layer["kernel"]).has_codebook:
            packed = weights.astype(np.uint8)
            weights = table[np.concatenate([packed & 15, packed >> 4])]
        if weights is not None:
            found[layer["layer"].rpartition("/")[0]] = np.unique(weights)
    return found


def _as_compiled(tensor: TensorRecord, values: Mapping[str, np.ndarray]) -> TensorRecord:
    """The record with the number of values in the C source; zeros that only fill up a kernel's rows do not count."""
    own = values.get(tensor.layer or "")
    if tensor.role != "weight" or own is None:
        return tensor
    distinct = int(np.count_nonzero(own)) + bool(tensor.sparsity)
    return dataclasses.replace(tensor, distinct=distinct)


CENSUSES.register("c")(CensusReader(read=read_census))
