"""A TOSA graph as the lowering to an Ethos-U writes it: operators with their layers, tensors with their values."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgebuild.errors import ConfigError
from edgebuild.runtime.executorch_file import schema
from edgebuild.runtime.executorch_flatbuffer import MalformedBufferError

SIDECAR = "delegate_{}.tosa"
"""Beside a .pte: the graph that its delegate of that number was compiled from."""
_SCHEMA = "backends/arm/tosa/schemas/tosa_1.0.fbs"


@dataclass(frozen=True)
class Steps:
    """Scales and zero points of a tensor: one of each, or one for each channel."""

    scales: tuple[float, ...]
    zero_points: tuple[int, ...]


@dataclass(frozen=True)
class TosaOperator:
    """One operator: its name in the standard, the user's layer that it comes from, names of its tensors.

    Attributes:
        noted: place among the inputs -> the steps that the lowering noted; TOSA itself has none.
        output: the same of the output.
    """

    name: str
    layer: str | None
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    noted: dict[int, Steps] = field(default_factory=dict)
    output: Steps | None = None


@dataclass(frozen=True)
class TosaTensor:
    """One tensor; `data` is empty unless its values are in the file."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    data: bytes


@dataclass(frozen=True)
class TosaGraph:
    """One graph: operators in order of execution, tensors by name, names of what goes in and comes out."""

    operators: tuple[TosaOperator, ...]
    tensors: dict[str, TosaTensor]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


def read_tosa(path: Path) -> TosaGraph:
    """Read a graph of one block.

    Raises:
        ConfigError: the file is missing or damaged.
    """
    try:
        raw = schema(_SCHEMA).read(path.read_bytes(), "TosaGraph", identifier="TOSA")
        block = raw["regions"][0]["blocks"][0]
        tensors = [_tensor(item) for item in block["tensors"] or []]
        return TosaGraph(
            tuple(_operator(item) for item in block["operators"] or []),
            {tensor.name: tensor for tensor in tensors},
            tuple(block["inputs"] or ()),
            tuple(block["outputs"] or ()),
        )
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror}"
        raise ConfigError(msg, remedy="build it again: the graph lies beside the .pte file") from None
    except (MalformedBufferError, ValueError, KeyError, IndexError, TypeError) as error:
        msg = f"{path}: not a readable TOSA graph: {error}"
        raise ConfigError(msg, remedy="build it again; `edgebuild cache verify` finds damaged artifacts") from error


def _operator(item: dict[str, Any]) -> TosaOperator:
    text = (item["location"] or {}).get("text")
    told = json.loads(text) if text else {}
    return TosaOperator(
        str(item["op"]),
        told.get("layer"),
        tuple(item["inputs"] or ()),
        tuple(item["outputs"] or ()),
        {int(place): Steps(*map(tuple, steps)) for place, steps in told.get("inputs", {}).items()},
        Steps(*map(tuple, told["output"])) if told.get("output") else None,
    )


def _tensor(item: dict[str, Any]) -> TosaTensor:
    return TosaTensor(
        str(item["name"]), str(item["type"]).lower(), tuple(item["shape"] or ()), bytes(item["data"] or b"")
    )
