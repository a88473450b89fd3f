"""What a kernel writes C with: pointers into the arena, constants, and code that several layers share."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from edgebuild.export.c.graph import Node, Tensor

FRAGMENTS = Path(__file__).parent / "kernels"

C_TYPES = {
    "int8": "int8_t",
    "uint8": "uint8_t",
    "int16": "int16_t",
    "uint16": "uint16_t",
    "int32": "int32_t",
    "uint32": "uint32_t",
    "float32": "float",
    "bool": "int8_t",
    "int64": "int64_t",
}

VALUES_PER_LINE = 24


@dataclass
class Source:
    """The parts of model.c that kernels add to, in the order in which they were first asked for.

    Attributes:
        fragments: name -> text of shared code.
        constants: symbol -> definition.
        constant_bytes: role -> bytes of the constants in flash.
    """

    fragments: dict[str, str] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)
    constant_bytes: dict[str, int] = field(default_factory=dict)
    _symbols: dict[str, str] = field(default_factory=dict)

    def fragment(self, name: str) -> None:
        """Paste the file `kernels/<name>` once."""
        if name not in self.fragments:
            self.fragments[name] = (FRAGMENTS / name).read_text(encoding="utf-8")

    def define(self, name: str, text: str) -> None:
        """Add shared code that is not a file; `name` identifies it."""
        known = self.fragments.setdefault(name, text)
        assert known == text, f"two different fragments are called {name}"

    def constant(self, symbol: str, role: str, values: np.ndarray) -> str:
        """Define a constant array and return its symbol; the same content is stored once."""
        c_type = C_TYPES[values.dtype.name]
        content = np.ascontiguousarray(values)
        key = hashlib.sha256(c_type.encode() + content.tobytes()).hexdigest()
        if key not in self._symbols:
            self._symbols[key] = symbol
            self.constants[symbol] = _definition(symbol, c_type, content)
            self.constant_bytes[role] = self.constant_bytes.get(role, 0) + content.nbytes
        return self._symbols[key]


def _definition(symbol: str, c_type: str, values: np.ndarray) -> str:
    written = [_literal(value) for value in values.reshape(-1).tolist()]
    rows = [", ".join(written[start : start + VALUES_PER_LINE]) for start in range(0, len(written), VALUES_PER_LINE)]
    body = ",\n    ".join(rows)
    return f"static const {c_type} {symbol}[{len(written)}] EB_ALIGNED = {{\n    {body}}};\n"


def _literal(value: float | int) -> str:
    if isinstance(value, float):
        return f"{value:.9g}f" if any(mark in f"{value:.9g}" for mark in ".e") else f"{value:.9g}.0f"
    if isinstance(value, bool):
        return str(int(value))
    return "INT32_MIN" if value == -(2**31) else str(value)


@dataclass(frozen=True)
class LayerContext:
    """What one layer sees.

    Attributes:
        symbol: of the layer's function; constants are named after it.
        offsets: buffer of a tensor (its index) -> byte offset in the arena.
        scratch_offset: byte offset of the working memory, None where the kernel asked for none.
    """

    source: Source
    symbol: str
    node: Node
    offsets: Mapping[int, int]
    scratch_offset: int | None = None

    def pointer(self, tensor: Tensor, *, writable: bool = False) -> str:
        """A C expression: a pointer to the tensor's first value in the arena, or to a constant input's values."""
        c_type = C_TYPES[tensor.dtype]
        if tensor.data is not None and not writable:
            return self.constant(f"value_{tensor.index}", tensor.data, "weights")
        qualifier = "" if writable else "const "
        place = f"(arena + {self.offsets[tensor.index]})"
        return place if c_type == "int8_t" else f"({qualifier}{c_type} *)({qualifier}void *){place}"

    def input(self, index: int = 0) -> str:
        """A C expression: a pointer to the values of input `index`."""
        tensor = self.node.inputs[index]
        assert tensor is not None
        return self.pointer(tensor)

    def output(self, index: int = 0) -> str:
        """A C expression: a pointer to where output `index` goes."""
        return self.pointer(self.node.outputs[index], writable=True)

    def scratch(self, c_type: str = "int8_t") -> str:
        """A C expression: a pointer to the working memory that `scratch_bytes` asked for."""
        assert self.scratch_offset is not None
        place = f"(arena + {self.scratch_offset})"
        return place if c_type == "int8_t" else f"({c_type} *)(void *){place}"

    def constant(self, name: str, values: np.ndarray, role: str = "table") -> str:
        """Store an array in flash and return its symbol; its dtype is the C type, its order is C's.

        `role` is `weights` for what the file's constants become (weights and biases), `table` for all else.
        """
        return self.source.constant(f"{self.symbol}_{name}", role, values)

    def fragment(self, *names: str) -> None:
        """Paste shared code, files below `kernels/`, in this order, once each: `context.fragment("requantize.c")`."""
        for name in names:
            self.source.fragment(name)
