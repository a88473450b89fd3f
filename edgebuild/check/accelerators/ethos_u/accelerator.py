"""The accelerators `ethos-u55-128`, `ethos-u55-256`, `ethos-u65-256`, `ethos-u85-256`: through Arm's compiler Vela."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path

from edgebuild.check.accelerators.accelerator import Accelerator, JudgeRequest
from edgebuild.check.accelerators.compiled import ETHOS_U, refuse_compiled
from edgebuild.check.accelerators.ethos_u.configurations import FAMILIES, configuration_of
from edgebuild.check.accelerators.ethos_u.program import ProgramReport, judge_program
from edgebuild.check.accelerators.ethos_u.report import EthosUReport
from edgebuild.check.accelerators.ethos_u.vela import run_vela, vela_version
from edgebuild.check.census.tflite import read_structure
from edgebuild.config.registries import ACCELERATORS
from edgebuild.errors import ConfigError


def judge(accelerator: str, request: JudgeRequest) -> EthosUReport | ProgramReport:
    """Compile a .tflite file, or the graphs behind the delegates of a .pte, with Vela and say what it said.

    Raises:
        ConfigError: the file is of another kind, damaged or compiled already, or the profile names a configuration
            that Vela has not.
        ToolError: Vela is not installed or refuses the file.
    """
    configuration = configuration_of(accelerator, request.hardware)
    if request.file.suffix == ".pte":
        return judge_program(request.file, configuration)
    if request.file.suffix != ".tflite":
        msg = f"{request.file}: Vela takes .tflite files, found {request.file.suffix or 'no suffix'}"
        raise ConfigError(msg, remedy="export the model with format: tflite, or executorch-ethos-u")
    before = read_structure(request.file)
    refuse_compiled(before)
    with tempfile.TemporaryDirectory(prefix="edgebuild-ethos-u-") as scratch:
        output = request.output or Path(scratch)
        result = run_vela(request.file.resolve(), configuration, output)
        compiled = read_structure(output / result.file)
    left = tuple(operation for operation in compiled.operations if operation.name != ETHOS_U)
    return EthosUReport(result, left, len(before.operations))


for name, family in FAMILIES.items():
    ACCELERATORS.register(name)(
        Accelerator(
            f"Arm {name}: compiled and estimated by Vela",
            vela_version,
            partial(judge, name),
            figures=("latency", "cycles", "ram", "flash"),
            words={"system_config": family.systems, "memory_mode": family.modes},
        )
    )
