"""Write the version that each operation really has into a quantized file, and the runtime the file then needs.

The quantizers keep the float model's version numbers: an old runtime would accept a file that it computes wrongly.
"""

from __future__ import annotations

import copy
from typing import Any

from edgebuild.check.census.tflite import take_census
from edgebuild.check.runtime_versions.required import required_runtime
from edgebuild.check.runtime_versions.signature import version_by_types
from edgebuild.check.wiring import Wiring
from edgebuild.runtime.litert_flatbuffer import parse_model, serialize_model

_ENTRY = b"min_runtime_version"
_ENTRY_BYTES = 16


def correct_versions(data: bytes, label: str) -> bytes:
    """Raise the version of every operation to what its types need (never lower one); return the new file."""
    model, census = parse_model(data, label), take_census(data, label)
    wiring = Wiring(census)
    needed = {operation.index: version_by_types(operation, wiring) for operation in census.operations}
    codes: list[Any] = []
    position: dict[tuple[int, bytes | None, int], int] = {}
    number = 0
    for graph in model.subgraphs:
        for operator in graph.operators or []:
            code = copy.copy(model.operatorCodes[operator.opcodeIndex])
            code.version = max(int(code.version), needed[number])
            number += 1
            key = (max(code.builtinCode, code.deprecatedBuiltinCode), code.customCode, code.version)
            if key not in position:
                position[key] = len(codes)
                codes.append(code)
            operator.opcodeIndex = position[key]
    model.operatorCodes = codes
    return serialize_model(model)


def state_runtime(data: bytes, label: str) -> bytes:
    """Write the oldest runtime that the operations need into `min_runtime_version`, where the table knows it."""
    import numpy as np

    requirement = required_runtime(take_census(data, label))
    if requirement is None or requirement.runtime is None:
        return data
    model = parse_model(data, label)
    text = str(requirement.runtime).encode().ljust(_ENTRY_BYTES, b"\0")
    for entry in model.metadata or []:
        if entry.name == _ENTRY:
            model.buffers[entry.buffer].data = np.frombuffer(text, np.uint8)
    return serialize_model(model)
