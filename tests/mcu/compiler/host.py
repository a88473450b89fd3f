"""Runs a compiled model on this machine, and the same file in TFLite Micro."""

from __future__ import annotations

import ctypes
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from edgebuild.export.c.compile import CompiledModel
from edgebuild.export.c.header import Port

STRICT = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-pedantic", "-Werror")


def write_files(compiled: CompiledModel, folder: Path) -> None:
    for name, text in compiled.files.items():
        (folder / name).write_text(text)


class HostModel:
    """The generated library, built with gcc and loaded into this process."""

    def __init__(self, compiled: CompiledModel, compiler: str = "gcc", flags: Sequence[str] = ("-O1",)) -> None:
        self.compiled = compiled
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_files(compiled, folder)
            library = folder / "model.so"
            source = folder / f"{compiled.prefix}.c"
            command = [compiler, *STRICT, *flags, "-shared", "-fPIC", "-o", str(library), str(source)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stderr
            self._invoke = getattr(ctypes.CDLL(str(library)), f"{compiled.prefix}_invoke")

    def arena(self) -> Arena:
        return Arena(self.compiled.arena_bytes)

    def invoke(self, arena: Arena) -> None:
        self._invoke(ctypes.c_void_p(arena.start))

    def run(self, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
        arena = self.arena()
        for port, values in zip(self.compiled.inputs, inputs, strict=True):
            arena.write(port, values)
        self.invoke(arena)
        assert arena.is_intact()
        return [arena.read(port) for port in self.compiled.outputs]


class Arena:
    """Memory for one inference, with bytes on both sides that nobody may touch."""

    GUARD = 64

    def __init__(self, size: int) -> None:
        self.size = size
        self._memory = ctypes.create_string_buffer(size + 2 * self.GUARD + 16)
        first = ctypes.addressof(self._memory) + self.GUARD
        self.start = (first + 15) // 16 * 16
        self._fill = bytes(range(64, 64 + self.GUARD))
        ctypes.memset(self.start, 0x5A, size)
        ctypes.memmove(self.start - self.GUARD, self._fill, self.GUARD)
        ctypes.memmove(self.start + size, self._fill, self.GUARD)

    def write(self, port: Port, values: np.ndarray) -> None:
        data = np.ascontiguousarray(values, np.dtype(port.dtype))
        assert data.nbytes == port.bytes
        ctypes.memmove(self.start + port.offset, data.tobytes(), port.bytes)

    def read(self, port: Port) -> np.ndarray:
        data = ctypes.string_at(self.start + port.offset, port.bytes)
        return np.frombuffer(data, np.dtype(port.dtype)).reshape(port.shape)

    def is_intact(self) -> bool:
        before = ctypes.string_at(self.start - self.GUARD, self.GUARD)
        behind = ctypes.string_at(self.start + self.size, self.GUARD)
        return before == behind == self._fill


def run_oracle(model: bytes, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The outputs of TFLite Micro's own interpreter."""
    from tflite_micro.python.tflite_micro import runtime

    interpreter = runtime.Interpreter.from_bytes(model, arena_size=1 << 20)
    for index, values in enumerate(inputs):
        interpreter.set_input(values, index)
    interpreter.invoke()
    count = len(_outputs(model))
    return [np.array(interpreter.get_output(index)) for index in range(count)]


def _outputs(model: bytes) -> list[int]:
    from ai_edge_litert import schema_py_generated as schema

    graph = schema.Model.GetRootAs(model, 0).Subgraphs(0)
    return [graph.Outputs(index) for index in range(graph.OutputsLength())]


def run_reference(model: bytes, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The outputs of LiteRT's reference kernels, for the few forms that TFLite Micro does not take."""
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    interpreter = Interpreter(model_content=model, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    interpreter.allocate_tensors()
    for detail, values in zip(interpreter.get_input_details(), inputs, strict=True):
        interpreter.set_tensor(detail["index"], values)
    interpreter.invoke()
    return [interpreter.get_tensor(detail["index"]) for detail in interpreter.get_output_details()]


def random_inputs(compiled: CompiledModel, seed: int) -> list[np.ndarray]:
    """One array per input: all stored values alike; floats over and beyond the range of a usual tensor."""
    random = np.random.default_rng(seed)
    arrays = []
    for port in compiled.inputs:
        if port.dtype == "float32":
            arrays.append(random.normal(0, 3, port.shape).astype(np.float32))
        else:
            limits = np.iinfo(port.dtype)
            arrays.append(random.integers(limits.min, limits.max + 1, port.shape).astype(port.dtype))
    return arrays
