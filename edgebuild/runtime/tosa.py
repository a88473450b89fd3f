"""The runtime `tosa-reference`: a .pte for an Ethos-U on this host, its delegates on Arm's TOSA reference model.

The reference model defines what an accelerator must compute, bit for bit. What the core would do between delegates
PyTorch does.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from edgebuild.config.registries import RUNTIMES
from edgebuild.errors import ToolError
from edgebuild.runtime.ethos_u_payload import BACKEND
from edgebuild.runtime.executorch_file import PteFile, read_pte
from edgebuild.runtime.executorch_kernels import PortableKernels, Values
from edgebuild.runtime.session import NotRunHereError, Runtime
from edgebuild.runtime.tosa_file import SIDECAR, read_tosa
from edgebuild.runtime.tosa_install import COMMAND, ENVIRONMENT, VERSION
from edgebuild.runtime.worker_process import WorkerProcess

_WORKER = Path(__file__).with_name("tosa_worker.py")
_RUN = {"DelegateCall", "KernelCall", "MoveCall", "FreeCall"}
"""Kinds of instructions that a session carries out."""


class TosaSession:
    """A .pte whose delegates' TOSA graphs lie beside it; a `edgebuild.runtime.session.Session`."""

    def __init__(self, file: Path, threads: int) -> None:
        """The reference model has one thread, whatever `threads` says.

        Raises:
            ConfigError: the file or a graph beside it is missing or damaged.
            NotRunHereError: the program has kernels or delegates that nothing here runs.
            ToolError: the TOSA tools are not installed.
        """
        del threads
        if version() is None:
            msg = f"tosa-tools {VERSION} is not installed: {ENVIRONMENT.python} is missing"
            raise ToolError(msg, remedy=COMMAND)
        program = self._program = read_pte(file)
        self._plan = program.forward()
        self._names = port_names(program)
        self._kernels = PortableKernels(program)
        _refuse_unknown(self._plan, self._kernels.unknown, file)
        graphs = [file.with_name(SIDECAR.format(number)) for number in range(len(self._plan["delegates"]))]
        self._counts = [len(read_tosa(graph).inputs) for graph in graphs]
        command = [str(ENVIRONMENT.python), "-I", str(_WORKER), *(str(graph.resolve()) for graph in graphs)]
        self._worker = WorkerProcess(command, lambda status, errors: _died(file.name, status, errors))

    def run(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Run once.

        Raises:
            ToolError: the reference model refused a graph.
        """
        values = Values(self._program)
        for index, name in zip(self._plan["inputs"], self._names[0], strict=True):
            values.put(index, inputs[name])
        for instruction in self._plan["chains"][0]["instructions"]:
            call = instruction["instr_args"]
            if instruction["instr_args_type"] == "DelegateCall":
                self._delegate(call, values)
            elif instruction["instr_args_type"] == "KernelCall":
                self._kernels.run(call, values)
            elif instruction["instr_args_type"] == "MoveCall":
                values.put(call["move_to"], self._read(call["move_from"], values))
        return {
            name: self._read(index, values) for index, name in zip(self._plan["outputs"], self._names[1], strict=True)
        }

    def close(self) -> None:
        """End the child."""
        self._worker.close()

    def _delegate(self, call: Mapping[str, Any], values: Values) -> None:
        """The arguments of a call are the graph's inputs, then its outputs."""
        number = int(call["delegate_index"])
        count = self._counts[number]
        arrays = {str(position): self._read(index, values) for position, index in enumerate(call["args"][:count])}
        results = self._worker.ask({"graph": number, **arrays})
        for index, array in zip(call["args"][count:], results, strict=True):
            values.put(index, array)

    def _read(self, index: int, values: Values) -> np.ndarray:
        """The numbers of a tensor, in the shape of its bytes."""
        array = values.get(index)
        if array is None:
            msg = f"{self._program.path.name} reads tensor {index}, which nothing in it computes"
            raise ToolError(msg, remedy="build the file again")
        tensor = self._plan["values"][index]["val"]
        return array.reshape([tensor["sizes"][dimension] for dimension in tensor["dim_order"]])


def _died(file: str, status: int, errors: str) -> ToolError:
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    told = next((line for line in lines if "ERROR" in line or "Error" in line), lines[-1] if lines else "nothing")
    msg = f"the TOSA reference model ended with {status} at a graph of {file}; it said: {told}"
    return ToolError(msg, remedy="build the file again; if it stays so, exclude the layer from the model")


def port_names(program: PteFile) -> tuple[list[str], list[str]]:
    """Names of the inputs and outputs, numbered where the file has none."""
    plan, known = program.forward(), program.metadata()
    sides = []
    for side in ("inputs", "outputs"):
        told = [item["name"] for item in known.get(side, [])]
        numbered = [f"{side[:-1]}_{position}" for position in range(len(plan[side]))]
        sides.append(told if len(told) == len(plan[side]) else numbered)
    return sides[0], sides[1]


def _refuse_unknown(plan: Mapping[str, Any], unknown: tuple[str, ...], file: Path) -> None:
    foreign = sorted({one["id"] for one in plan["delegates"] if one["id"] != BACKEND})
    kinds = {instruction["instr_args_type"] for instruction in plan["chains"][0]["instructions"]}
    others = sorted(kinds - _RUN)
    named = [*(f"delegates of {one}" for one in foreign), *(f"the kernel {one}" for one in unknown), *others]
    if named:
        msg = f"{file.name} has {', '.join(named)}, which nothing on this host runs"
        remedy = "replace the operation; `edgebuild inspect FILE --ops` lists where it comes from"
        raise NotRunHereError(msg, remedy=remedy)


def version() -> str | None:
    """Version of the installed tools; None where there are none."""
    return VERSION if ENVIRONMENT.python.exists() else None


def _no_time(*_: object) -> NoReturn:
    msg = "the TOSA reference model says what an accelerator computes, and nothing about time"
    raise ToolError(msg, remedy="see Vela's estimate: edgebuild inspect FILE --target ethos-u55-128")


RUNTIMES.register("tosa-reference")(
    Runtime(
        title="Arm's TOSA reference model, for what an Ethos-U computes",
        version=version,
        open=TosaSession,
        time=_no_time,
        profile=_no_time,
        remedy=COMMAND,
        times=False,
    )
)
