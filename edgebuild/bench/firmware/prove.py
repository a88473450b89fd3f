"""The proof of a firmware: on every sample, its outputs are those of the same C on the host and of TFLite Micro."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from edgebuild.bench.firmware.run import FirmwareRun
from edgebuild.check.finding import Finding
from edgebuild.errors import ToolError
from edgebuild.runtime.tflite_micro import DISTRIBUTION, reference_outputs, reference_version

DIFFERS = "firmware-differs"
EXACT = "firmware-exact"
NOT_COMPARED = "reference-not-run"


def compare_with_host(run: FirmwareRun, host: Sequence[Sequence[bytes]]) -> Finding:
    """Hold the outputs against those of the plain C that this host ran; both per sample, the bytes of each output."""
    return _compare(run, host, "the same model in plain C on this host")


def compare_with_reference(run: FirmwareRun, data: bytes, samples: Sequence[Sequence[np.ndarray]]) -> Finding:
    """Hold the outputs against those of TFLite Micro for the .tflite in `data`, where that is installed."""
    version = reference_version()
    if version is None:
        message = f"TFLite Micro is not installed, so nothing was compared with it (pip install --pre {DISTRIBUTION})"
        return Finding(NOT_COMPARED, message, severity="note")
    try:
        expected = reference_outputs(data, samples, len(run.firmware.ports.outputs))
    except ToolError as error:
        return Finding(
            NOT_COMPARED, f"nothing was compared with TFLite Micro {version}: {error.message}", severity="note"
        )
    return _compare(run, expected, f"TFLite Micro {version}")


def _compare(run: FirmwareRun, expected: Sequence[Sequence[bytes]], what: str) -> Finding:
    wrong = [
        number
        for number, (ours, theirs) in enumerate(zip(run.outputs, expected, strict=True))
        if tuple(ours) != tuple(theirs)
    ]
    count = len(run.outputs)
    if not wrong:
        message = f"{run.core} emulated: the outputs of all {count} samples equal those of {what}, byte for byte"
        return Finding(EXACT, message, severity="note")
    message = (
        f"{run.core} emulated: the outputs of {len(wrong)} of {count} samples are not those of {what} "
        f"(first: sample {wrong[0]}); expected equal bytes"
    )
    return Finding(DIFFERS, message)
