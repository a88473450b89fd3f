"""The transport `corstone`: a microcontroller with an Ethos-U, emulated by Arm's Corstone model where that is on PATH.

The model (an FVP, which Arm gives away under its own licence and no package registry has) runs firmware with
semihosting: files of the working folder are the firmware's files. It was never run when this was written; the
parameters are those that ExecuTorch's Arm backend gives it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field

from edgebuild.config.parameters import Parameters
from edgebuild.config.registries import TRANSPORTS
from edgebuild.device.local import LocalTransport
from edgebuild.device.transport import Completed, Transport, TransportKind
from edgebuild.errors import DeviceError, ToolError

LONGEST_LINE = 255
"""Characters of a program with its arguments: the model cuts off what is longer."""
FIRMWARE = "arm_executor_runner"


class CorstoneOptions(Parameters):
    """Options of the transport `corstone`."""

    accelerator: Literal["ethos-u55-128", "ethos-u55-256", "ethos-u65-256", "ethos-u85-256"] = Field(
        default="ethos-u55-128", description="what the model emulates; the file must be compiled for it"
    )
    runner: str = Field(
        default=FIRMWARE,
        description="path of ExecuTorch's arm_executor_runner, built with semihosting for the model's core; without a "
        "slash also a name on PATH",
    )


@dataclass(frozen=True)
class Model:
    """One of Arm's models: its program, and the prefixes of its parameters."""

    program: str
    board: str
    core: str
    accelerator: str


_SSE300_U55 = Model("FVP_Corstone_SSE-300_Ethos-U55", "mps3_board", "cpu0", "ethosu")
_SSE300_U65 = Model("FVP_Corstone_SSE-300_Ethos-U65", "mps3_board", "cpu0", "ethosu")
_SSE320 = Model("FVP_Corstone_SSE-320", "mps4_board", "mps4_board.subsystem.cpu0", "mps4_board.subsystem.ethosu")
_MODELS = {"ethos-u55": _SSE300_U55, "ethos-u65": _SSE300_U65, "ethos-u85": _SSE320}


def model_of(accelerator: str) -> Model:
    """The model that has an accelerator, `ethos-u55-128`."""
    return _MODELS[accelerator.rpartition("-")[0]]


def model_command(options: CorstoneOptions, folder: Path, line: str, seconds: float) -> list[str]:
    """The command that runs `line` in the firmware, with `folder` as its working folder."""
    model = model_of(options.accelerator)
    parameters = {
        f"{model.accelerator}.num_macs": options.accelerator.rpartition("-")[2],
        f"{model.board}.visualisation.disable-visualisation": "1",
        f"{model.board}.telnetterminal0.start_telnet": "0",
        f"{model.board}.uart0.out_file": "-",
        f"{model.core}.semihosting-enable": "1",
        f"{model.core}.semihosting-stack_base": "0",
        f"{model.core}.semihosting-heap_limit": "0",
        f"{model.core}.semihosting-cwd": str(folder),
        f"{model.accelerator}.extra_args": "--fast",
        f"{model.core}.semihosting-cmd_line": line,
    }
    if model is _SSE320:
        parameters |= {"vis_hdlcd.disable_visualisation": "1", f"{model.board}.uart0.shutdown_on_eot": "1"}
    given = [part for key, value in parameters.items() for part in ("-C", f"{key}={value}")]
    return [model.program, *given, "-a", options.runner, "--timelimit", f"{seconds:.0f}"]


def find_model(options: CorstoneOptions) -> str:
    """The path of the model's program.

    Raises:
        ToolError: it is not on PATH.
    """
    program = model_of(options.accelerator).program
    path = shutil.which(program)
    if path is None:
        msg = f"{program} is not on PATH: Arm's model of a microcontroller with {options.accelerator}"
        raise ToolError(msg, remedy="get it from Arm (Corstone FVP, arm_fvp) and put its folder on PATH")
    return path


def find_firmware(device: str, options: CorstoneOptions) -> Path:
    """The firmware's file.

    Raises:
        DeviceError: there is none.
    """
    folders = [Path(), *map(Path, os.environ.get("PATH", "").split(os.pathsep))]
    for folder in folders if "/" not in options.runner else folders[:1]:
        if (folder / options.runner).is_file():
            return (folder / options.runner).resolve()
    msg = f"device {device!r}: no firmware {options.runner}"
    raise DeviceError(msg, remedy="build ExecuTorch's arm_executor_runner with semihosting; name it as `runner`")


class CorstoneTransport(LocalTransport):
    """Runs programs of the firmware; files are this machine's."""

    def __init__(self, device: str, options: CorstoneOptions) -> None:
        """Raises ToolError where the model is not on PATH, DeviceError where there is no firmware."""
        find_model(options)
        runner = find_firmware(device, options)
        super().__init__(device)
        self.options = options.model_copy(update={"runner": str(runner)})

    def run(self, argv: Sequence[str], timeout: float) -> Completed:
        """Run a program of the firmware; `argv` is what it sees as its command line."""
        line = " ".join(argv)
        if len(line) > LONGEST_LINE:
            msg = f"device {self.device!r}: a command line of {len(line)} characters, at most {LONGEST_LINE} arrive"
            raise DeviceError(msg, remedy="use shorter names")
        return super().run(model_command(self.options, self.folder, line, timeout), timeout)

    def properties(self) -> dict[str, str]:
        """What the model is."""
        core = "cortex-m85" if model_of(self.options.accelerator) is _SSE320 else "cortex-m55"
        return {
            "cpu": core,
            "cores": "1",
            "architecture": "armv8.1-m.main",
            "kernel": "none",
            "memory_kib": "0",
            "emulated": "true",
            "accelerator": self.options.accelerator,
        }


def _open(device: str, parameters: CorstoneOptions) -> Transport:
    return CorstoneTransport(device, parameters)


TRANSPORTS.register("corstone")(
    TransportKind(
        "a microcontroller with an Ethos-U, emulated by Arm's Corstone model; never run here",
        CorstoneOptions,
        _open,
        address=lambda _device, _parameters: None,
        figures={},
        formats=("executorch-ethos-u",),
    )
)
