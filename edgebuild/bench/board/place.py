"""Which runtime runs a file here and on boards, by its suffix."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from edgebuild.bench.board.executorch import ExecuTorchOnBoard
from edgebuild.bench.board.litert import LiteRTOnBoard
from edgebuild.bench.board.on_board import ALONE, FileOnBoard
from edgebuild.config.device import Device
from edgebuild.device.cores import Placement
from edgebuild.device.transport import Transport
from edgebuild.errors import ConfigError

_BY_SUFFIX: Mapping[str, type[FileOnBoard]] = {".tflite": LiteRTOnBoard, ".pte": ExecuTorchOnBoard}


def runtime_of(file: Path) -> str:
    """The runtime that runs a file here and on devices.

    Raises:
        ConfigError: there is none for its suffix.
    """
    return _kind_of(file).runtime


def place(
    transport: Transport,
    device: Device,
    file: Path,
    samples: Mapping[str, np.ndarray],
    placement: Placement | None = None,
    folder: str = ALONE,
) -> FileOnBoard:
    """Push a file and its samples to an open board; arguments and errors as of `FileOnBoard`.

    Raises:
        ConfigError: there is no runtime for its suffix.
    """
    return _kind_of(file)(transport, device, file, samples, placement, folder)


def _kind_of(file: Path) -> type[FileOnBoard]:
    if file.suffix not in _BY_SUFFIX:
        msg = f"{file.name} cannot be run on a device: expected a file that ends in {' or '.join(_BY_SUFFIX)}"
        raise ConfigError(msg)
    return _BY_SUFFIX[file.suffix]
