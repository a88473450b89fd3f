"""Lower the versions of operations to what an old parser has, where they mean the same, and prove it."""

from __future__ import annotations

import copy
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from packaging.version import Version

from edgebuild.check.census.model import Census
from edgebuild.check.census.tflite import take_structure
from edgebuild.check.promise import RuntimeVersion
from edgebuild.check.runtime_versions.lowest import lowest_version
from edgebuild.check.runtime_versions.names import tensorflow_release
from edgebuild.check.runtime_versions.table import operation_table
from edgebuild.check.wiring import Wiring
from edgebuild.errors import InternalError
from edgebuild.runtime.litert_flatbuffer import parse_model, serialize_model

_SAMPLES = 4


@dataclass(frozen=True)
class Lowered:
    """A file whose versions were lowered.

    Attributes:
        data: the file.
        changes: one line an operation, `CONV_2D 6 -> 3`; empty where nothing had to be lowered.
        proof: how it was shown that the file computes the same; empty where nothing changed.
    """

    data: bytes
    changes: tuple[str, ...] = ()
    proof: str = ""


def lower_for(parser: RuntimeVersion | None, data: bytes, label: str) -> Lowered:
    """Lower what the parser of an accelerator's compiler does not have; None has everything."""
    release = tensorflow_release(parser) if parser is not None else None
    return Lowered(data) if release is None else lower_versions(data, label, release)


def lower_versions(data: bytes, label: str, release: Version) -> Lowered:
    """Lower what TensorFlow Lite `release` does not have; what means something else in the lower version stays.

    Raises:
        InternalError: LiteRT computes something else from the lowered file than from `data`.
        ToolError: LiteRT cannot run `data`.
    """
    census = take_structure(data, label)
    wanted = _wanted(census, release)
    if not wanted:
        return Lowered(data)
    model = parse_model(data, label)
    operators = [operator for graph in model.subgraphs for operator in graph.operators or []]
    for index, version in wanted.items():
        code = copy.copy(model.operatorCodes[operators[index].opcodeIndex])
        code.version = version
        operators[index].opcodeIndex = _position(model, code)
    lowered = serialize_model(model)
    changes = [
        f"{census.operations[index].name} {census.operations[index].version} -> {to}" for index, to in wanted.items()
    ]
    return Lowered(lowered, tuple(changes), _prove_equal(data, lowered, label))


def _wanted(census: Census, release: Version) -> dict[int, int]:
    """Operation -> version, for those that `release` does not have but in a lower version does."""
    wiring, table = Wiring(census), operation_table()
    found = {}
    for operation in census.operations:
        stated = table.oldest_runtime(operation.name, operation.version)
        is_new = table.is_beyond(operation.name, operation.version) or (stated is not None and stated > release)
        lowest = lowest_version(operation, wiring) if is_new else None
        if lowest is None or lowest >= operation.version:
            continue
        first = table.oldest_runtime(operation.name, lowest)
        if first is not None and first <= release:
            found[operation.index] = lowest
    return found


def _position(model: Any, code: Any) -> int:
    """Where `code` stands among the file's codes, added where it does not."""
    for place, other in enumerate(model.operatorCodes):
        if (other.builtinCode, other.customCode, other.version) == (code.builtinCode, code.customCode, code.version):
            return place
    model.operatorCodes.append(code)
    return len(model.operatorCodes) - 1


def _prove_equal(before: bytes, after: bytes, label: str) -> str:
    """Run both files on LiteRT with the same numbers; every output must have the same bits.

    In processes of their own: a file of others may end the one that loads it.
    """
    from edgebuild.runtime.litert import version
    from edgebuild.runtime.litert_child import ChildSession

    with tempfile.TemporaryDirectory(prefix="edgebuild-versions-") as scratch:
        sessions = []
        for name, data in (("before", before), ("after", after)):
            path = Path(scratch) / f"{name}.tflite"
            path.write_bytes(data)
            sessions.append(ChildSession(Path(sys.executable), path, 1))
        try:
            for seed in range(_SAMPLES):
                inputs = _inputs(before, label, seed)
                first, second = (session.run(inputs) for session in sessions)
                different = [name for name in first if first[name].tobytes() != second[name].tobytes()]
                if different:
                    msg = f"{label}: lowering versions of operations changed output {different[0]!r}, expected the same"
                    raise InternalError(msg)
        finally:
            for session in sessions:
                session.close()
    return f"LiteRT {version()}: equal bits in every output, {_SAMPLES} random inputs"


def _inputs(data: bytes, label: str, seed: int) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(seed)
    arrays = {}
    for record in take_structure(data, label).inputs:
        dtype, shape = np.dtype(record.dtype), tuple(max(size, 1) for size in record.shape)
        if dtype.kind == "f":
            arrays[record.name] = draw.standard_normal(shape).astype(dtype)
        else:
            limits = np.iinfo(dtype)
            arrays[record.name] = draw.integers(limits.min, limits.max, shape, dtype, endpoint=True)
    return arrays
