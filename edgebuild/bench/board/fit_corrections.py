"""What measured times of the real board say of the estimates of its emulation."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from edgebuild.bench.board.estimate import estimate_time
from edgebuild.bench.board.place import place
from edgebuild.bench.board.standalone import samples_for
from edgebuild.config.device import Device
from edgebuild.device.connect import connected
from edgebuild.errors import ToolError
from edgebuild.estimate.arm.correction import Correction, fit_correction
from edgebuild.estimate.arm.latency import computes_in
from edgebuild.figure import Figure
from edgebuild.progress import ProgressSink


@dataclass(frozen=True)
class Corrected:
    """A correction, and what the estimates were like without it.

    Attributes:
        correction: that was fitted.
        error: median of |estimate / time - 1| before.
        inside: share of the measured times in the intervals before.
        low, high: these intervals, as a share of the estimate.
    """

    correction: Correction
    error: float
    inside: float
    low: float
    high: float

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        before = {"error": self.error, "inside": self.inside, "low": self.low, "high": self.high}
        fitted = self.correction
        after = {"error": fitted.error, "inside": None, "low": math.exp(fitted.low), "high": math.exp(fitted.high)}
        return {**fitted.to_json(), "before": before, "after": after}


def fit_corrections(device: Device, times: Mapping[tuple[Path, int], float], progress: ProgressSink) -> list[Corrected]:
    """Emulate every measured file, and fit a correction for each dtype and number of threads.

    Args:
        device: an emulated board.
        times: (file, threads) -> ms.
        progress: where to report.

    Raises:
        ConfigError: the file cannot be run there.
        DeviceError: the runtime there failed.
        ToolError: something that emulating or estimating needs is missing.
    """
    found: dict[tuple[str, int], list[tuple[float, Figure]]] = {}
    files = list(dict.fromkeys(file for file, _ in times))
    for number, file in enumerate(files):
        progress.update(number / len(files), f"{device.name}: {file.name}, {number + 1} of {len(files)}")
        threads = sorted({count for other, count in times if other == file})
        dtype, figures = _estimates(device, file, threads)
        for count, figure in zip(threads, figures, strict=True):
            found.setdefault((dtype, count), []).append((times[file, count], figure))
    return [_corrected(rows, *key) for key, rows in sorted(found.items()) if len(rows) > 1]


def _estimates(device: Device, file: Path, threads: Sequence[int]) -> tuple[str, Sequence[Figure]]:
    """What a file computes in, and its uncorrected time with each number of threads."""
    with connected(device) as transport:
        estimate = estimate_time(place(transport, device, file, samples_for(file)), threads)
    if estimate.figures[0].missing:
        msg = f"{file.name} on {device.name}: {estimate.figures[0].provenance}"
        raise ToolError(msg)
    return computes_in(estimate.profile["kinds"]), estimate.figures


def _corrected(rows: Sequence[tuple[float, Figure]], dtype: str, threads: int) -> Corrected:
    ratios = [time / _number(figure.value) for time, figure in rows]
    first = rows[0][1]
    low, high = (_number(end) / _number(first.value) for end in (first.low, first.high))
    return Corrected(
        fit_correction([math.log(ratio) for ratio in ratios], dtype, threads),
        error=median(abs(1 / ratio - 1) for ratio in ratios),
        inside=sum(low <= ratio <= high for ratio in ratios) / len(ratios),
        low=low,
        high=high,
    )


def _number(value: float | None) -> float:
    assert value is not None, "asked for before"
    return value
