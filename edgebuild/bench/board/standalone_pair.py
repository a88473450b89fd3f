"""Two exported files against each other on any device, without a project: what `edgebuild bench --against` does."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from edgebuild.bench.board.against import Contender, compare_on_device
from edgebuild.bench.board.settings import BoardSettings
from edgebuild.bench.board.standalone import SCHEMA_VERSION, record_of, require_runnable, samples_for
from edgebuild.config.device import Device
from edgebuild.device.inventory import lease_of
from edgebuild.errors import ConfigError
from edgebuild.progress import ProgressSink


def bench_pair(
    file: Path,
    other: Path,
    device: Device,
    inputs: Sequence[Path],
    settings: BoardSettings,
    *,
    wait: float = 0.0,
    token: int | None = None,
    progress: ProgressSink | None = None,
) -> dict[str, Any]:
    """Run `file` and `other` on `device` in turns; the record, as plain JSON values.

    Args:
        file: a .tflite or .pte, ours or anybody's, which is judged.
        other: another, which it is held against; the suffixes may differ.
        device: its file.
        inputs: as of `bench_file`, for both files.
        settings: for a device that is not emulated.
        wait: seconds to wait for another holder of the device.
        token: of a lease that was taken before.
        progress: where to report.

    Raises:
        ConfigError: a file is none of these, an input does not fit both, or the number of processes is odd.
        DeviceError: the device is busy, gone or wrong, or its runtime failed.
        ToolError: something this machine needs for it is missing.
    """
    for one in (file, other):
        require_runnable(one, device)
    ours, theirs = (_contender(one, inputs) for one in (file, other))
    found = compare_on_device(
        device, ours, theirs, settings, wait=wait, lease=lease_of(device, token), progress=progress
    )
    return {
        "schema_version": SCHEMA_VERSION,
        "device": device.name,
        "transport": device.transport,
        "verdict": found.verdict,
        "figures": [figure.to_json() for figure in found.figures],
        "findings": [finding.to_json() for finding in found.findings],
        "ours": record_of(file, device, ours.samples, found.ours),
        "theirs": record_of(other, device, theirs.samples, found.theirs),
    }


def _contender(file: Path, inputs: Sequence[Path]) -> Contender:
    try:
        return Contender(file, samples_for(file, inputs))
    except ConfigError as error:
        msg = f"{file.name}: {error.message}"
        raise ConfigError(msg, remedy=error.remedy) from error
