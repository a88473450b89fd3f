"""Figures of an emulated board as its calibration corrects them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from edgebuild.bench.estimated import estimated_energy
from edgebuild.config.device import Device
from edgebuild.device.linux_board import LinuxBoard
from edgebuild.device.qemu_user import QEMU_USER
from edgebuild.estimate.arm.latency import ALL_CORES, NAMES, computes_in
from edgebuild.estimate.predictor.calibration import read_calibration
from edgebuild.figure import Figure


def correct_figures(device: Device, figures: Sequence[Figure], profile: Mapping[str, Any]) -> list[Figure]:
    """Figures of an emulated board as its calibration corrects them: times, and the energy that follows from one.

    Args:
        device: its file.
        figures: as they were estimated.
        profile: of the same benchmark; empty where nothing was estimated.

    Raises:
        ConfigError: the calibration cannot be read.
    """
    if device.calibration is None or device.transport != QEMU_USER or not profile:
        return list(figures)
    calibration, dtype = read_calibration(Path(device.calibration)), computes_in(profile["kinds"])
    threads = {NAMES[1]: 1, ALL_CORES: LinuxBoard.model_validate(device.options).cores}
    found = [
        calibration.corrected(one, dtype, threads[one.name]) if one.name in threads and not one.missing else one
        for one in figures
    ]
    latency = next((one for one in found if one.name == NAMES[1]), None)
    if latency is None or latency in figures:
        return found
    return [*(one for one in found if one.name != "energy"), *estimated_energy(device, latency)]
