"""Where the stored tensors lie in an exported file, so that each is coded in its own way."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np

SMALLEST = 64
"""Bytes; what is shorter is coded with what lies around it."""

_WIDTHS = {"float32": 4, "int32": 4, "float16": 2, "int16": 2, "int8": 1, "uint8": 1}

Blob = tuple[bytes, int, tuple[int, ...]]
"""(stored bytes, bytes a number, shape)"""


@dataclass(frozen=True)
class Region:
    """Bytes of a file that are one stored tensor, of numbers of `width` bytes, in rows of one of `strides` numbers."""

    start: int
    end: int
    width: int
    strides: tuple[int, ...]


def find_regions(file: Path, data: bytes) -> list[Region]:
    """The stored tensors of `file`, whose content is `data`, in file order; none where the suffix is not known.

    Raises:
        ConfigError: it has the suffix of a format, but is damaged.
    """
    reader = _READERS.get(file.suffix)
    found: list[Region] = []
    taken: set[int] = set()
    for blob, width, shape in reader(file) if reader is not None else ():
        if len(blob) < SMALLEST:
            continue
        start = data.find(blob)
        while start in taken:  # an equal tensor that is stored once more
            start = data.find(blob, start + 1)
        if start >= 0:
            taken.add(start)
            found.append(Region(start, start + len(blob), width, _strides(shape)))
    return list(_apart(sorted(found, key=lambda region: region.start)))


def _apart(regions: list[Region]) -> Iterator[Region]:
    """Those that do not overlap one before them."""
    end = 0
    for region in regions:
        if region.start >= end:
            end = region.end
            yield region


def _strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """Lengths of rows that numbers may be alike across: those of an output channel, and the innermost ones."""
    return tuple(dict.fromkeys(row for row in (prod(shape[1:]), shape[-1] if shape else 0) if row > 1))


def _tflite(file: Path) -> Iterator[Blob]:
    from edgebuild.runtime.litert_flatbuffer import read_model, stored_bytes, tensor_shape, type_name

    model = read_model(file)
    seen: set[int] = set()
    for graph in model.subgraphs:
        for tensor in graph.tensors:
            stored = stored_bytes(model, tensor)
            if stored is not None and tensor.buffer not in seen:
                seen.add(tensor.buffer)
                yield (
                    np.ascontiguousarray(stored).tobytes(),
                    _WIDTHS.get(type_name(tensor.type), 1),
                    tensor_shape(tensor),
                )


def _pte(file: Path) -> Iterator[Blob]:
    from edgebuild.runtime.executorch_file import read_pte
    from edgebuild.runtime.executorch_xnnpack import BACKEND, XnnpackGraph, tensor_value

    program = read_pte(file)
    for delegate in program.forward()["delegates"]:
        if delegate["id"] != BACKEND:
            continue
        graph = XnnpackGraph(program, program.payload(delegate))
        for value in graph.values.values():
            base = tensor_value(value)
            if base["constant_buffer_idx"]:
                stored = graph.constant(base["constant_buffer_idx"])
                yield stored, 1 if "int8" in base["datatype"] else 4, tuple(base["dims"])


_READERS: dict[str, Callable[[Path], Iterator[Blob]]] = {".tflite": _tflite, ".pte": _pte}
