"""The stage that runs an exported file on a device, emulated or real: who has one, and what it depends on.

A device is a Linux board, or a microcontroller with an Ethos-U in Arm's Corstone model.
"""

from __future__ import annotations

import contextlib
import hashlib

from edgebuild.config.device import Device
from edgebuild.config.project import Project
from edgebuild.config.registries import FORMATS
from edgebuild.config.target import Target
from edgebuild.device.corstone import CorstoneOptions, find_firmware, find_model, model_of
from edgebuild.device.qemu_user import EMULATOR, QEMU_USER
from edgebuild.device.toolchain import find_program, program_version
from edgebuild.errors import ConfigError, DeviceError, ToolError
from edgebuild.estimate.arm.schedule import scheduler_version
from edgebuild.graph.graph import Graph
from edgebuild.graph.stage import Stage
from edgebuild.runtime.executorch_bundle import COMPILERS

EDGE_TPU = "edge-tpu"
"""The accelerator whose files a board's runtime takes, once they are compiled."""
KIND = "board"
RUNTIMES = ("litert", "executorch")
"""Runtimes of this host that have a counterpart on boards."""
NOT_BOARDS = ("local", "qemu-system")
"""Transports of the host itself and of microcontrollers whose firmware is linked here."""
CORSTONE = "corstone"
"""The transport that runs a file of its own formats, whatever runs it on this host."""


def board_of(project: Project, target: Target) -> Device | None:
    """The board that a target's file is run on; None where its device or its format has none."""
    device = project.devices.get(target.device) if target.device is not None else None
    if device is None or device.transport in NOT_BOARDS:
        return None
    if device.transport == CORSTONE:
        return device
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
        "programs": _programs_for(device, target, runtime),
        "scheduler": _scheduler() if device.transport == QEMU_USER else None,
        "metric": project.metric.model_dump(mode="json"),
        "allow": list(target.allow),
        **({"accelerator": EDGE_TPU} if target.hardware.accelerator == EDGE_TPU else {}),
    }
    graph.add(Stage(stage_id, KIND, params, inputs, seed=project.seed, target=target.name))


def _programs_for(device: Device, target: Target, runtime: str) -> dict[str, str | None]:
    """What this machine needs for the device -> its version; None where it is missing."""
    if device.transport == CORSTONE:
        return _model_and_firmware(device, target)
    return _programs(runtime) if device.transport == QEMU_USER else {}


def _model_and_firmware(device: Device, target: Target) -> dict[str, str | None]:
    """Arm's model with its version, the firmware with the digest of its bytes.

    Raises:
        ConfigError: the model emulates another accelerator than the profile compiles for.
    """
    options = CorstoneOptions.model_validate(device.options)
    if options.accelerator != target.hardware.accelerator:
        msg = f"{target.name}: device {device.name!r} emulates {options.accelerator}, the profile compiles for "
        msg += str(target.hardware.accelerator)
        raise ConfigError(msg, remedy="name a device file with the profile's accelerator under options")
    found: dict[str, str | None] = {model_of(options.accelerator).program: None, options.runner: None}
    with contextlib.suppress(ToolError):
        found[model_of(options.accelerator).program] = program_version(find_model(options))
    with contextlib.suppress(DeviceError):
        firmware = find_firmware(device.name, options)
        found[options.runner] = hashlib.sha256(firmware.read_bytes()).hexdigest()
    return found


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
