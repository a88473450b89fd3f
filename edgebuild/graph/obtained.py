"""What a build of a target learns on this machine, how, and what only hardware can tell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgebuild.bench.estimated import board_of
from edgebuild.config.device import Device
from edgebuild.config.read_device import load_device
from edgebuild.config.registries import ACCELERATORS, FORMATS, RUNTIMES, TRANSPORTS
from edgebuild.config.target import Target
from edgebuild.export.format import ExportFormat
from edgebuild.figure import Kind
from edgebuild.graph.assemble import HOST, target_stages
from edgebuild.graph.board import NOT_BOARDS
from edgebuild.graph.board import RUNTIMES as BOARD_RUNTIMES

_ON_A_DEVICE = ("latency", "energy", "ram")
"""What a device is asked for; a number that is emulated or estimated stands in for it, it does not replace it."""
_COUNTED = ("flash", "ram", "arena", "stack")
"""Emulated memory is exact: the linker and the painted stack say the same on hardware."""


def obtained(target: Target) -> dict[str, Kind]:
    """Figure -> how a build of the target gets it, without any hardware besides this machine."""
    chosen: ExportFormat = FORMATS.get(target.export.format)
    found: dict[str, Kind] = {"accuracy": "measured"}
    if target_stages(target).bench is not None:
        found["host_latency"] = "measured"
    name = target.hardware.accelerator
    if name is not None:
        found |= dict.fromkeys(ACCELERATORS.get(name).figures, "estimated")
    device = _device(target)
    if device is None:
        return found
    kind = TRANSPORTS.get(device.transport)
    is_board = device.transport not in NOT_BOARDS and (chosen.runtime in BOARD_RUNTIMES or bool(kind.formats))
    if chosen.device_stage is not None or is_board:
        figures = TRANSPORTS.get(device.transport).figures
        found |= {figure: how for figure, how in figures.items() if how != "measured"}
    if is_board and "latency" in found and board_of(device) is not None:
        found["energy"] = "estimated"
    return found


def needs_hardware(target: Target) -> dict[str, Kind | None]:
    """Figure that only a device can measure -> what stands in for it here; None where nothing does."""
    found = obtained(target)
    return {
        figure: found.get(figure)
        for figure in _ON_A_DEVICE
        if not (figure in _COUNTED and found.get(figure) == "emulated")
    }


def target_facts(target: Target) -> dict[str, Any]:
    """The profile as plain JSON values, and what a build of it obtains here: `obtained`, `needs_hardware`.

    `checked_with` is the runtime of this host that runs the file on the validation data.
    """
    runtime = RUNTIMES.get(FORMATS.get(target.export.format).runtime)
    return {
        **target.to_json(),
        "checked_with": {"runtime": FORMATS.get(target.export.format).runtime, "version": runtime.version()},
        "obtained": obtained(target),
        "needs_hardware": needs_hardware(target),
    }


def _device(target: Target) -> Device | None:
    """The target's device; None where it is this machine."""
    if target.device in (None, HOST):
        return None
    return load_device(str(target.device), Path())
