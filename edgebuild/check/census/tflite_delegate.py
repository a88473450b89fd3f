"""Which operations the LiteRT installed here hands to its delegate: a matter of the runtime, not of the file."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgebuild.runtime.litert_quiet import quiet

_DELEGATE = "DELEGATE"
_SECONDS = 60.0
"""Loading a file takes less than one; what takes this long hangs."""


def host_delegate_apart(file: Path, operations: Sequence[str]) -> str:
    """As `host_delegate`, in a process of its own: a damaged file can take the runtime's whole process with it."""
    command = [sys.executable, "-m", __name__, str(file)]
    try:
        done = subprocess.run(
            command, input=json.dumps(list(operations)), capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"this host's LiteRT had not loaded it after {_SECONDS:g} s"
    if done.returncode == 0:
        return done.stdout
    how = f"failed with exit code {done.returncode}"
    if done.returncode < 0:
        how = f"was killed by {signal.Signals(-done.returncode).name}"
    return f"this host's LiteRT cannot load it: its process {how}"


def host_delegate(data: bytes, operations: Sequence[str]) -> str:
    """One line: how many of the main graph's `operations` (names, file order) XNNPACK takes on this host.

    Where the runtime here cannot load the file, the line says why.
    """
    with quiet("LiteRT"):
        from ai_edge_litert.interpreter import Interpreter

        try:
            interpreter = Interpreter(model_content=data, num_threads=1)
            interpreter.allocate_tensors()
            details = interpreter._get_ops_details()
        except (RuntimeError, ValueError) as error:
            return f"this host's LiteRT cannot load it: {str(error).splitlines()[0]}"
    covered = _covered(details)
    left = Counter(name for index, name in enumerate(operations[: len(details)]) if index not in covered)
    rest = ", ".join(f"{count} {name}" for name, count in sorted(left.items()))
    total = sum(detail["op_name"] != _DELEGATE for detail in details)
    return f"XNNPACK takes {len(covered)} of {total} operations" + (f"; builtin kernels: {rest}" if rest else "")


def takes_whole_graph(data: bytes) -> bool:
    """Whether XNNPACK takes every operation of the main graph on this host; False where the file cannot be loaded."""
    with quiet("LiteRT"):
        from ai_edge_litert.interpreter import Interpreter

        try:
            interpreter = Interpreter(model_content=data, num_threads=1)
            interpreter.allocate_tensors()
            details = interpreter._get_ops_details()
        except (RuntimeError, ValueError):
            return False
    return len(_covered(details)) == len([detail for detail in details if detail["op_name"] != _DELEGATE])


def _covered(details: Sequence[Any]) -> set[int]:
    """Positions of the operations that a delegate's node replaces: all on the way from its inputs to its outputs."""
    plain = {number: detail for number, detail in enumerate(details) if detail["op_name"] != _DELEGATE}
    producer = {int(index): number for number, detail in plain.items() for index in detail["outputs"]}
    covered: set[int] = set()
    for node in (detail for detail in details if detail["op_name"] == _DELEGATE):
        stop = {int(index) for index in node["inputs"]}
        todo = [int(index) for index in node["outputs"]]
        while todo:
            number = producer.get(todo.pop())
            if number is not None and number not in covered:
                covered.add(number)
                todo += [int(index) for index in plain[number]["inputs"] if int(index) not in stop]
    return covered


if __name__ == "__main__":
    sys.stdout.write(host_delegate(Path(sys.argv[1]).read_bytes(), json.load(sys.stdin)))
