"""A .pte for an Ethos-U in Arm's Corstone model: its outputs against those of the TOSA reference model, bit for bit.

Source of the firmware's arguments and files: ExecuTorch's arm_executor_runner (`-m` program, `-i` input, `-o` stem of
the outputs, `out-0.bin`, …).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from edgebuild.bench.board.run import DEFAULT_SECONDS, require_success
from edgebuild.device.scratch import scratch_folder
from edgebuild.device.transport import Transport
from edgebuild.errors import DeviceError
from edgebuild.runtime.ethos_u_payload import BACKEND
from edgebuild.runtime.executorch_file import DTYPES, PteFile, read_pte
from edgebuild.runtime.tosa import port_names

_PROGRAM = "program.pte"
_REMEDY = "read what the firmware printed; it must be built for the accelerator that the file was compiled for"


def is_ethos_u(file: Path) -> bool:
    """Whether a .pte file has delegates for an Ethos-U.

    Raises:
        ConfigError: the file is damaged.
    """
    return file.suffix == ".pte" and any(one["id"] == BACKEND for one in read_pte(file).forward()["delegates"])


def run_on_model(transport: Transport, file: Path, samples: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Run every sample; outputs by name, [samples, ...].

    Args:
        transport: of the model, open.
        file: the .pte.
        samples: input -> array [samples, ...], each sample as the file takes it, in the file's order.

    Raises:
        DeviceError: the firmware failed, or gave no output.
    """
    program = read_pte(file)
    transport.push(file, _PROGRAM)
    rows: dict[str, list[np.ndarray]] = {name: [] for name in port_names(program)[1]}
    with scratch_folder("corstone") as scratch:
        for number in range(len(next(iter(samples.values())))):
            argv = ["executor_runner", "-m", _PROGRAM, "-o", "out"]
            for position, array in enumerate(samples.values()):
                given = scratch / f"i{position}.bin"
                given.write_bytes(np.ascontiguousarray(array[number]).tobytes())
                transport.push(given, given.name)
                argv += ["-i", given.name]
            require_success(transport.run(argv, DEFAULT_SECONDS), file.name, _REMEDY)
            for position, (name, row) in enumerate(rows.items()):
                row.append(_pull(transport, program, position, name, scratch))
    return {name: np.stack(row) for name, row in rows.items()}


def _pull(transport: Transport, program: PteFile, position: int, name: str, scratch: Path) -> np.ndarray:
    """One output; the file says its type and shape."""
    plan = program.forward()
    told = plan["values"][plan["outputs"][position]]["val"]
    path = scratch / f"out-{position}.bin"
    transport.pull(path.name, path)
    array = np.fromfile(path, DTYPES[told["scalar_type"]])
    if array.size != int(np.prod(told["sizes"])):
        msg = f"output {name!r} of the model has {array.size} numbers, expected {int(np.prod(told['sizes']))}"
        raise DeviceError(msg, remedy=_REMEDY)
    return array.reshape([told["sizes"][dimension] for dimension in told["dim_order"]])
