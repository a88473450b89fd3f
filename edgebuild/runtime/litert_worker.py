"""Runs a .tflite file in a process of its own, under LiteRT or tflite-runtime; needs numpy and one of the two.

    python litert_worker.py serve FILE THREADS     answers requests on stdin until it ends
    python litert_worker.py time JOB.json          times inferences, writes the result to stdout as JSON
    python litert_worker.py cuts JOB.json          times each operation of a file, writes medians to stdout as JSON
    python litert_worker.py board JOB.json         runs samples on a board, then times one; writes the outputs and JSON

A message of `serve` is an 8-byte little-endian length and that many bytes of .npz: arrays `0`, `1`, … in the order of
the file's inputs or outputs. The first message it sends has the names. The script imports nothing of edgebuild, so that
it runs in an environment with another numpy.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import statistics
import struct
import sys
import time
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def _interpreter_module() -> Any:
    try:
        from ai_edge_litert import interpreter
    except ImportError:
        from tflite_runtime import interpreter
    return interpreter


def _accelerator(module: Any, library: str) -> Any:
    """The delegate of an accelerator; its own loader says in several lines why there is none."""
    try:
        return module.load_delegate(library)
    except (OSError, ValueError, RuntimeError) as error:
        words = " ".join(line.strip() for line in str(error).splitlines() if line.strip())
        sys.exit(f"RuntimeError: no accelerator answers here: {words}")


class _Loaded:
    """One file, ready to run; inputs and outputs by the names of its signature, else of its tensors."""

    def __init__(self, file: str | bytes, threads: int, *, delegated: bool = True, library: str | None = None) -> None:
        """`file`: its path, or what is in it."""
        module = _interpreter_module()
        kernels = module.OpResolverType
        self.interpreter = module.Interpreter(
            **({"model_content": file} if isinstance(file, bytes) else {"model_path": file}),
            num_threads=threads,
            experimental_op_resolver_type=kernels.AUTO if delegated else kernels.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
            experimental_delegates=[_accelerator(module, library)] if library else None,
        )
        self.interpreter.allocate_tensors()
        signatures = self.interpreter._get_full_signature_list()
        signature = next(iter(signatures.values())) if signatures else None
        self.inputs = self._side("inputs", self.interpreter.get_input_details(), signature)
        self.outputs = self._side("outputs", self.interpreter.get_output_details(), signature)

    @staticmethod
    def _side(side: str, details: list[Any], signature: Any) -> dict[str, int]:
        by_index = {int(index): name for name, index in signature[side].items()} if signature else {}
        return {by_index.get(int(detail["index"]), detail["name"]): int(detail["index"]) for detail in details}

    def feed(self, arrays: Mapping[str, Any]) -> None:
        for name, index in self.inputs.items():
            self.interpreter.set_tensor(index, arrays[name])

    def results(self) -> dict[str, Any]:
        return {name: self.interpreter.get_tensor(index) for name, index in self.outputs.items()}


def _serve(path: str, threads: int) -> None:
    import numpy as np

    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    loaded = _Loaded(path, threads)
    names = {"inputs": list(loaded.inputs), "outputs": list(loaded.outputs)}
    _send(replies, json.dumps(names).encode())
    while True:
        header = sys.stdin.buffer.read(8)
        if len(header) < 8:
            return
        with np.load(io.BytesIO(sys.stdin.buffer.read(struct.unpack("<Q", header)[0])), allow_pickle=False) as arrays:
            loaded.feed({name: arrays[str(position)] for position, name in enumerate(loaded.inputs)})
        loaded.interpreter.invoke()
        packed = io.BytesIO()
        np.savez(packed, **{str(position): array for position, array in enumerate(loaded.results().values())})
        _send(replies, packed.getvalue())


def _send(stream: BinaryIO, content: bytes) -> None:
    stream.write(struct.pack("<Q", len(content)) + content)
    stream.flush()


def _time(job: dict[str, Any]) -> dict[str, Any]:
    import numpy as np

    if job["cpus"]:
        os.sched_setaffinity(0, job["cpus"])
    arrays = {name: np.load(path) for name, path in job["inputs"].items()}
    _interpreter_module()
    idle = _status_bytes("VmRSS")
    start = time.perf_counter()
    loaded = _Loaded(job["file"], job["threads"], delegated=job["delegated"])
    load_ms = (time.perf_counter() - start) * 1e3
    loaded.feed(arrays)
    milliseconds = []
    for _ in range(job["runs"]):
        start = time.perf_counter()
        loaded.interpreter.invoke()
        milliseconds.append((time.perf_counter() - start) * 1e3)
    return {
        "milliseconds": milliseconds,
        "load_ms": load_ms,
        "peak_bytes": _status_bytes("VmHWM"),
        "idle_bytes": idle,
        "outputs_sha256": _digest(loaded.results()),
    }


def _cuts(job: dict[str, Any]) -> dict[str, Any]:
    """Medians of the files in a bundle, one after the other (`litert_cuts.py` makes it), and of the whole file."""
    _pin_to(job["cores"])
    import numpy as np

    def median_of(file: str | bytes, inputs: bytes) -> float:
        loaded = _Loaded(file, job["threads"])
        with np.load(io.BytesIO(inputs), allow_pickle=False) as arrays:
            for position, index in enumerate(loaded.inputs.values()):
                loaded.interpreter.set_tensor(index, arrays[str(position)])
        for _ in range(job["warmup"]):
            loaded.interpreter.invoke()
        times = []
        for _ in range(job["runs"]):
            start = time.perf_counter()
            loaded.interpreter.invoke()
            times.append((time.perf_counter() - start) * 1e3)
        return statistics.median(times)

    with zipfile.ZipFile(job["bundle"]) as bundle:
        alone = [median_of(bundle.read(f"{n}.tflite"), bundle.read(f"{n}.npz")) for n in range(job["cuts"])]
        whole = median_of(job["file"], bundle.read("whole.npz"))
    return {"medians": [*alone, whole], "cores": sorted(os.sched_getaffinity(0))}


def _board(job: dict[str, Any]) -> dict[str, Any]:
    """Outputs of the first `samples` into the file `outputs`; then runs of the first one, each between two marks.

    Two more marks have nothing between them: what they cost is what the marks add to a run.
    """
    _pin_to(job["cores"])
    import numpy as np

    start = time.perf_counter()
    loaded = _Loaded(job["file"], job["threads"], delegated=job["delegated"], library=job.get("library"))
    load_ms = (time.perf_counter() - start) * 1e3
    with np.load(job["inputs"], allow_pickle=False) as arrays:
        samples = {name: arrays[str(position)] for position, name in enumerate(loaded.inputs)}
    rows: list[list[Any]] = [[] for _ in loaded.outputs]
    for number in range(job["samples"]):
        loaded.feed({name: array[number] for name, array in samples.items()})
        loaded.interpreter.invoke()
        for row, array in zip(rows, loaded.results().values(), strict=True):
            row.append(array)
    stacked: dict[str, Any] = {str(position): np.stack(row) for position, row in enumerate(rows)}
    np.savez(job["outputs"], **stacked)
    loaded.feed({name: array[0] for name, array in samples.items()})
    milliseconds = []
    for number in range(job["runs"]):
        _mark(2 * number)
        start = time.perf_counter()
        loaded.interpreter.invoke()
        milliseconds.append((time.perf_counter() - start) * 1e3)
        _mark(2 * number + 1)
    _mark(2 * job["runs"])
    time.perf_counter()
    time.perf_counter()
    _mark(2 * job["runs"] + 1)
    return {
        "outputs": list(loaded.outputs),
        "milliseconds": milliseconds,
        "load_ms": load_ms,
        "peak_bytes": _status_bytes("VmHWM"),
        "outputs_sha256": _digest(loaded.results()),
        "cores": sorted(os.sched_getaffinity(0)),
    }


def _pin_to(cores: list[int]) -> None:
    """Stay on these cores, where there are any, with all threads that are started later.

    The system passes over cores that are offline or not for us, and says so for the last of them only.
    """
    if not cores:
        return
    try:
        os.sched_setaffinity(0, cores)
        why = f"only {sorted(os.sched_getaffinity(0))} are to be had"
    except OSError as error:
        why = str(error.strerror)
    if sorted(os.sched_getaffinity(0)) != cores:
        sys.exit(f"OSError: cannot pin to cores {','.join(map(str, cores))}: {why}")


def _mark(number: int) -> None:
    """Say to whoever counts instructions where we are: a call that fails, and that nobody else makes."""
    with contextlib.suppress(OSError):
        os.sched_get_priority_max(0x5EED0000 + number)


def _digest(outputs: Mapping[str, Any]) -> str:
    """SHA-256 of the bytes of every output, in the file's order."""
    digest = hashlib.sha256()
    for array in outputs.values():
        digest.update(array.tobytes())
    return digest.hexdigest()


def _status_bytes(key: str) -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1]) * 1024
    return 0


def _report(compute: Callable[[dict[str, Any]], dict[str, Any]], path: str) -> None:
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    json.dump(compute(json.loads(Path(path).read_text())), replies)
    replies.close()


def main(arguments: list[str]) -> None:
    """Run one of the commands of the module's docstring."""
    if arguments[0] == "serve":
        _serve(arguments[1], int(arguments[2]))
    elif arguments[0] == "time":
        _report(_time, arguments[1])
    elif arguments[0] == "board":
        _report(_board, arguments[1])
    else:
        _report(_cuts, arguments[1])


if __name__ == "__main__":
    main(sys.argv[1:])
