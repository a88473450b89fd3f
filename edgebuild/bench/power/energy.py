"""Energy of one inference from a trace: the integral over a long bracketed loop less idle, with its interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from edgebuild.bench.power.meter import Trace
from edgebuild.bench.statistics import student_quantile
from edgebuild.errors import DeviceError

BLOCKS = 10
"""Parts of a stretch whose means are compared: neighbours in time are alike, distant parts are not."""
FEWEST_SAMPLES = 2 * BLOCKS
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Stretch:
    """Mean W from start to end, and the half-width of its interval from how its parts differ."""

    watts: float
    half_width: float
    seconds: float
    samples: int


@dataclass(frozen=True)
class Energy:
    """Of one inference, above idle.

    Attributes:
        joules: above idle; `low`, `high` are its interval at `confidence`.
        gross_joules: idle included.
        idle: power before and after the loop.
        active: power in the loop.
    """

    joules: float
    low: float
    high: float
    confidence: float
    gross_joules: float
    idle: Stretch
    active: Stretch


def energy_of(
    trace: Trace,
    idle: Sequence[tuple[float, float]],
    loop: tuple[float, float],
    seconds: float,
    accuracy: float,
) -> Energy:
    """Energy of an inference: the integral over the loop less that over as long an idle time, for one inference of it.

    The interval adds up how the parts of the loop and of the idle stretches differ (Student's t over block means, in
    quadrature, with how far idle before and after are apart) and the meter's accuracy, which is the same error in every
    sample and does not average out. Every stretch is made shorter by what the meter's clock may be off.

    Args:
        trace: of the meter.
        idle: (start, end) on the meter's clock, before and after the loop.
        loop: (start, end) on the meter's clock, both while inferences ran.
        seconds: of one inference, the mean over the loop.
        accuracy: of the meter, relative.

    Raises:
        DeviceError: a stretch is too short, or the meter lost samples in it.
    """
    quiet = [stretch_of(trace, *one) for one in idle]
    active = stretch_of(trace, *loop)
    idle_watts = float(np.average([one.watts for one in quiet], weights=[one.seconds for one in quiet]))
    drift = (max(one.watts for one in quiet) - min(one.watts for one in quiet)) / 2
    idle_half = math.hypot(max(one.half_width for one in quiet), drift)
    joules = (active.watts - idle_watts) * seconds
    half = (math.hypot(active.half_width, idle_half) + accuracy * active.watts) * seconds
    length, samples = sum(one.seconds for one in quiet), sum(one.samples for one in quiet)
    whole = Stretch(idle_watts, idle_half, length, samples)
    return Energy(joules, joules - half, joules + half, CONFIDENCE, active.watts * seconds, whole, active)


def stretch_of(trace: Trace, start: float, end: float) -> Stretch:
    """Mean power between two moments of the meter's clock: the integral over the time, by the trapezoidal rule.

    A counted trace is integrated as it was counted: each sample is the mean since the one before.

    Raises:
        DeviceError: fewer than FEWEST_SAMPLES, or a gap longer than a block.
    """
    start, end = start + trace.clock_error, end - trace.clock_error
    inside = (trace.seconds >= start) & (trace.seconds <= end)
    if int(inside.sum()) < FEWEST_SAMPLES:
        count = int(inside.sum())
        msg = f"the power meter gave {count} samples in {end - start:.1f} s, expected {FEWEST_SAMPLES} at least"
        raise DeviceError(msg, remedy="measure a longer loop, or sample faster")
    times = np.concatenate([[start], trace.seconds[inside], [end]])
    length = (end - start) / BLOCKS
    if float(np.diff(times).max()) > length:
        msg = f"the power meter was silent for {np.diff(times).max():.2f} s of {end - start:.1f} s"
        raise DeviceError(msg, remedy="see its cable and whether the device was too busy to read it")
    edges = start + length * np.arange(BLOCKS + 1)
    means = np.diff(_joules_until(trace, edges)) / length
    half = student_quantile((1 + CONFIDENCE) / 2, BLOCKS - 1) * float(np.std(means, ddof=1)) / math.sqrt(BLOCKS)
    return Stretch(float(means.mean()), half, end - start, int(inside.sum()))


def _joules_until(trace: Trace, moments: np.ndarray) -> np.ndarray:
    """The integral of the power from the first sample to each moment."""
    widths, watts = np.diff(trace.seconds), trace.watts
    if trace.counted:
        steps = watts[1:] * widths
        counted: np.ndarray = np.interp(moments, trace.seconds, np.concatenate([[0.0], np.cumsum(steps)]))
        return counted
    steps = (watts[1:] + watts[:-1]) / 2 * widths
    total = np.concatenate([[0.0], np.cumsum(steps)])
    place = np.clip(np.searchsorted(trace.seconds, moments, side="right") - 1, 0, len(widths) - 1)
    into = np.clip(moments - trace.seconds[place], 0.0, widths[place])
    slope = (watts[place + 1] - watts[place]) / widths[place]
    within: np.ndarray = total[place] + watts[place] * into + slope * into**2 / 2
    return within
