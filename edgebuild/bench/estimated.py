"""What a device's calibration says of a file that nobody ran there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from edgebuild.check.workload import workload_of
from edgebuild.config.device import Device
from edgebuild.config.registries import CENSUSES
from edgebuild.config.wording import unknown_name
from edgebuild.errors import ConfigError
from edgebuild.estimate.board_power import BOARD_POWER, board_energy
from edgebuild.estimate.predictor.calibration import read_calibration
from edgebuild.estimate.predictor.workload import Workload
from edgebuild.figure import Figure

SUFFIXES = (".tflite", ".pte")


def file_workload(file: Path, dtype: str | None = None) -> Workload:
    """The operations of a .tflite or .pte; `dtype` where it is known better than from the types in the file.

    Raises:
        ConfigError: the file is missing, of another type or damaged.
    """
    if file.suffix not in SUFFIXES:
        msg = f"{file.name}: expected a file that ends in {' or '.join(SUFFIXES)}"
        raise ConfigError(msg)
    suffix = file.suffix.removeprefix(".")
    if suffix == "tflite":  # without statistics of its values, which a time does not depend on
        from edgebuild.check.census.tflite import read_structure

        workload = workload_of(read_structure(file))
    else:
        workload = workload_of(CENSUSES.get(suffix).read(file))
    return workload if dtype is None else replace(workload, dtype=dtype)


def estimated_latency(device: Device, file: Path, *, dtype: str | None = None, threads: int | None = None) -> Figure:
    """Time of one inference of `file` on `device`, by the calibration that its device file names.

    With `threads`, else with those that its file says it is measured with, where that is more than one.

    Raises:
        ConfigError: the device has no calibration, or one of the files is wrong.
    """
    if device.calibration is None:
        msg = f"device {device.name!r} has no calibration, from which a time could be estimated"
        raise ConfigError(msg, remedy=f"measure some networks there, then: edgebuild calibrate {device.name} FILE.csv")
    calibration = read_calibration(Path(device.calibration))
    usual = device.bench.threads if device.bench.threads > 1 else None
    return calibration.latency(file_workload(file, dtype), usual if threads is None else threads)


def device_estimates(device: Device, file: Path, dtype: str, known: Sequence[Figure]) -> list[Figure]:
    """What can be said of a file that was built here besides `known`: its latency, and its energy with it.

    Raises:
        ConfigError: the calibration or the file is wrong.
    """
    found = list(known)
    if device.calibration is not None and file.suffix in SUFFIXES and _known(found, "latency") is None:
        found.append(estimated_latency(device, file, dtype=dtype))
    latency = _known(found, "latency")
    if latency is not None and _known(found, "energy") is None:
        found += estimated_energy(device, latency)
    return [one for one in found[len(known) :] if not one.missing]


def _known(figures: Sequence[Figure], name: str) -> Figure | None:
    return next((one for one in figures if one.name == name and not one.missing), None)


def check_estimates(device: Device) -> None:
    """See, before anything is built, that what a device's estimates need is right.

    Raises:
        ConfigError: its calibration cannot be read, or it names a board whose power nobody published.
    """
    if device.calibration is not None:
        read_calibration(Path(device.calibration))
    board_of(device)


def board_of(device: Device) -> str | None:
    """The board whose published power a device file names.

    Raises:
        ConfigError: nobody published its power.
    """
    board = device.power.board if device.power is not None else None
    if board is not None and board not in BOARD_POWER:
        msg = f"device {device.name!r}, power.board: {unknown_name('board', board, sorted(BOARD_POWER))}"
        raise ConfigError(msg)
    return board


def estimated_energy(device: Device, latency: Figure) -> list[Figure]:
    """`energy` of an inference by the published power of the device's board, in a list; empty where it names none.

    Raises:
        ConfigError: it names a board whose power nobody published.
    """
    board = board_of(device)
    return [] if board is None else [board_energy(board, latency)]
