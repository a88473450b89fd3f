"""The stage that runs a compiled model on an emulated microcontroller: what it depends on."""

from __future__ import annotations

from typing import Any

from edgebuild.bench.firmware.link import Limits
from edgebuild.config.project import Project
from edgebuild.config.read_device import load_device
from edgebuild.config.target import Target
from edgebuild.device.qemu_system import board_of
from edgebuild.device.toolchain import TOOLCHAINS, find_program, program_version
from edgebuild.errors import ConfigError, ToolError
from edgebuild.graph.stage import Stage

KIND = "firmware"


def firmware_stage(project: Project, target: Target, stage_id: str, inputs: dict[str, str]) -> Stage:
    """The stage of kind `firmware` for a target whose format is compiled.

    Raises:
        ConfigError: the device is no emulated microcontroller, or has another core than the profile.
    """
    assert target.device is not None, "a target without a device has no such stage"
    device = load_device(target.device, project.root)
    board = board_of(device)
    hardware = target.hardware
    if board.core != hardware.core:
        msg = f"{target.name}: device {device.name!r} emulates {board.core}, the profile compiles for {hardware.core}"
        raise ConfigError(msg, remedy=f"set device: {hardware.core}-emulated, or hardware.core: {board.core}")
    limits = Limits(_whole(hardware.flash), _whole(hardware.ram))
    tight = Limits(_least(limits.flash, target.budgets.flash), _least(limits.ram, target.budgets.ram))
    return Stage(
        stage_id,
        KIND,
        params={
            "device": device.model_dump(mode="json", exclude={"calibration", "power"}),
            "limits": {"flash": limits.flash, "ram": limits.ram},
            "arena_limit": tight.arena,
            "constant_limit": tight.constants,
            "part": {"clock_hz": hardware.clock, "name": hardware.part, "power_mw": hardware.power},
            "allow": list(target.allow),
            "programs": _versions(TOOLCHAINS[board.core].compiler, board.emulator),
        },
        inputs=inputs,
        target=target.name,
    )


def _whole(size: float | None) -> int | None:
    return None if size is None else int(size)


def _least(*sizes: float | None) -> int | None:
    """The tighter of what the part has and what the budget allows: the compiler keeps within it where it can."""
    return min((int(size) for size in sizes if size is not None), default=None)


def _versions(*programs: str) -> dict[str, Any]:
    """Program -> its version, None where it is missing: the stage itself says how to install it."""
    found: dict[str, Any] = {}
    for name in programs:
        try:
            found[name] = program_version(find_program(name))
        except ToolError:
            found[name] = None
    return found
