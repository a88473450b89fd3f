"""The stage that runs an exported file on a Linux board, emulated or real: who has one, and what it depends on."""

from __future__ import annotations

from edgebuild.config.device import Device
from edgebuild.config.project import Project
from edgebuild.config.registries import FORMATS
from edgebuild.config.target import Target
from edgebuild.device.qemu_user import EMULATOR
from edgebuild.device.toolchain import find_program, program_version
from edgebuild.errors import ToolError
from edgebuild.estimate.arm.schedule import scheduler_version
from edgebuild.graph.graph import Graph
from edgebuild.graph.stage import Stage
from edgebuild.runtime.executorch_bundle import COMPILERS

EDGE_TPU = "edge-tpu"
"""The accelerator whose files a board's runtime takes, once they are compiled."""
KIND = "board"
RUNTIMES = ("litert", "executorch")
"""Runtimes of this host that have a counterpart on boards."""
NOT_BOARDS = ("local", "qemu-system", "corstone")
"""Transports of the host itself and of microcontrollers."""


def board_of(project: Project, target: Target) -> Device | None:
    """The board that a target's file is run on; None where its device or its format has none."""
    device = project.devices.get(target.device) if target.device is not None else None
    if device is None or device.transport in NOT_BOARDS:
        return None
    return device if FORMATS.get(target.export.format).runtime in RUNTIMES else None


def board_stage_id(project: Project, target: Target) -> str | None:
    """Id of the stage that `add_board_stage` adds; None where the target has no board."""
    return None if board_of(project, target) is None else f"{target.name}/{KIND}"


def add_board_stage(graph: Graph, project: Project, target: Target, inputs: dict[str, str]) -> None:
    """Add the stage of kind `board` to the graph, if the target has a board; it reads what its benchmark reads."""
    device, stage_id = board_of(project, target), board_stage_id(project, target)
    if device is None or stage_id is None:
        return
    runtime = FORMATS.get(target.export.format).runtime
    params = {
        "device": device.model_dump(mode="json", exclude={"calibration"}),
        "runtime": runtime,
        "programs": _programs(runtime) if device.transport == "qemu-user" else {},
        "scheduler": _scheduler() if device.transport == "qemu-user" else None,
        "allow": list(target.allow),
        **({"accelerator": EDGE_TPU} if target.hardware.accelerator == EDGE_TPU else {}),
    }
    graph.add(Stage(stage_id, KIND, params, inputs, seed=project.seed, target=target.name))


def _scheduler() -> str | None:
    """The version of llvm-mca; None where it is missing, which leaves time missing and nothing else."""
    try:
        return scheduler_version()
    except ToolError:
        return None


def _programs(runtime: str) -> dict[str, str | None]:
    """Program that the emulated board needs here -> its version; None where it is missing."""
    names = (EMULATOR, "gcc", COMPILERS["aarch64"]) if runtime == "executorch" else (EMULATOR, "gcc")
    found: dict[str, str | None] = {}
    for name in names:
        try:
            found[name] = program_version(find_program(name))
        except ToolError:
            found[name] = None
    return found
