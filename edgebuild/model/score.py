"""Figures from outputs and targets: the metric, its drop against the baseline, and agreement; each with an interval."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

import numpy as np

from edgebuild.figure import Figure
from edgebuild.model.metric import Metric, first_output, predicted_labels

CONFIDENCE = 0.95
RESAMPLES = 2000
"""Bootstrap resamples where the metric is a mean over samples."""
SLOW_RESAMPLES = 200
"""Bootstrap resamples where the metric is computed anew on each."""
_Z = 1.959963984540054
_SEED = 0

Outputs = Mapping[str, np.ndarray]


def score(metric: Metric, outputs: Outputs, targets: np.ndarray, provenance: str = "") -> Figure:
    """The metric with a 95 % interval over the draw of the validation samples.

    A share of samples (accuracy) has Wilson's score interval (E. B. Wilson, Probable inference, the law of succession,
    and statistical inference, JASA 22, 1927); any other metric the percentile bootstrap (Efron and Tibshirani, An
    Introduction to the Bootstrap, 1993, section 13.3), with a fixed seed.

    Args:
        metric: what to compute.
        outputs: output name -> [n, ...].
        targets: [n, ...].
        provenance: what made the outputs, for example `LiteRT 2.3.0 on this host`.
    """
    value = metric.compute(outputs, targets)
    count = len(targets)
    samples = None if metric.per_sample is None else metric.per_sample(outputs, targets)
    if samples is not None and _is_share(metric, samples):
        low, high = wilson(round(float(samples.sum()) / 100), count)
        return _figure(metric.name, value, metric.unit, 100 * low, 100 * high, provenance, count, "Wilson interval")
    low, high, how = _bootstrap(_resampled(metric, outputs, targets), count)
    return _figure(metric.name, value, metric.unit, low, high, provenance, count, how)


def drop(metric: Metric, baseline: Outputs, outputs: Outputs, targets: np.ndarray, provenance: str = "") -> Figure:
    """How much worse `outputs` are than `baseline` on the same samples: `accuracy_drop`, positive is worse.

    The interval is a paired bootstrap: both are evaluated on the same resampled samples. Where the two are right and
    wrong on the very same samples, a bootstrap would claim no uncertainty; then the interval is plus or minus 3/n, the
    rule of three (Hanley and Lippman-Hand, If nothing goes wrong, is everything all right?, JAMA 249, 1983).

    Unit: `points` where the metric is in `%`, else the metric's own.
    """
    sign = 1.0 if metric.higher_is_better else -1.0
    value = sign * (metric.compute(baseline, targets) - metric.compute(outputs, targets))
    count = len(targets)
    unit = "points" if metric.unit == "%" else metric.unit
    if metric.per_sample is not None:
        before, after = metric.per_sample(baseline, targets), metric.per_sample(outputs, targets)
        if _is_share(metric, before) and bool((before == after).all()):
            bound = min(300.0 / count, 100.0)
            how = "no sample differs, rule of three"
            return _figure("accuracy_drop", value, unit, -bound, bound, provenance, count, how)
    first, second = _resampled(metric, baseline, targets), _resampled(metric, outputs, targets)
    low, high, how = _bootstrap((lambda rows: sign * (first[0](rows) - second[0](rows)), first[1]), count)
    return _figure("accuracy_drop", value, unit, low, high, provenance, count, f"paired {how}")


def agreement(baseline: Outputs, outputs: Outputs, targets: np.ndarray, provenance: str = "") -> Figure:
    """Share of samples (or pixels) on which both name the same class, with Wilson's interval over samples.

    Missing where the targets are not labels: two regressions do not agree or disagree.
    """
    if targets.dtype.kind != "i":
        return Figure("agreement", None, "%", "measured", provenance="the targets are no class labels")
    shape = targets.shape
    same = predicted_labels(first_output(baseline), shape) == predicted_labels(first_output(outputs), shape)
    per_sample = same.reshape(len(same), -1).mean(axis=1)
    value, count = 100.0 * float(per_sample.mean()), len(same)
    if same.ndim == 1:
        low, high = (100 * end for end in wilson(int(same.sum()), count))
        return _figure("agreement", value, "%", low, high, provenance, count, "top-1, Wilson interval")
    low, high, how = _bootstrap((lambda rows: 100.0 * per_sample[rows].mean(axis=-1), RESAMPLES), count)
    return _figure("agreement", value, "%", low, high, provenance, count, f"labels, {how}")


def wilson(successes: int, count: int) -> tuple[float, float]:
    """The 95 % score interval of a share, both ends in [0, 1]."""
    share = successes / count
    centre = share + _Z**2 / (2 * count)
    margin = _Z * math.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2))
    scale = 1 + _Z**2 / count
    return max(0.0, (centre - margin) / scale), min(1.0, (centre + margin) / scale)


Resampled = tuple[Callable[[np.ndarray], np.ndarray], int]
"""(rows [r, n] -> value of each resample [r], number of resamples)"""


def _resampled(metric: Metric, outputs: Outputs, targets: np.ndarray) -> Resampled:
    if metric.per_sample is not None:
        samples = metric.per_sample(outputs, targets)
        return (lambda rows: np.asarray(samples[rows].mean(axis=-1))), RESAMPLES

    if metric.parts is not None and metric.combine is not None:
        parts, combine = metric.parts(outputs, targets), metric.combine
        return (lambda rows: combine(parts[rows].sum(axis=1))), RESAMPLES

    def compute(rows: np.ndarray) -> np.ndarray:
        chosen = ({name: array[row] for name, array in outputs.items()} for row in rows)
        return np.array([metric.compute(part, targets[row]) for part, row in zip(chosen, rows, strict=True)])

    return compute, SLOW_RESAMPLES


def _bootstrap(resampled: Resampled, count: int) -> tuple[float, float, str]:
    function, resamples = resampled
    rng = np.random.default_rng(_SEED)
    step = max(1, 2_000_000 // count)
    values = [
        function(rng.integers(0, count, size=(min(step, resamples - start), count)))
        for start in range(0, resamples, step)
    ]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(np.concatenate(values), [tail, 1 - tail])
    return float(low), float(high), f"bootstrap of {resamples}"


def _is_share(metric: Metric, samples: np.ndarray) -> bool:
    return metric.unit == "%" and bool(np.isin(samples, (0.0, 100.0)).all())


def _figure(
    name: str, value: float, unit: str, low: float, high: float, provenance: str, count: int, how: str
) -> Figure:
    if not math.isfinite(value):
        return Figure(name, None, unit, "measured", provenance=f"it is {value} over {count} validation samples")
    text = ", ".join(part for part in (provenance, f"{count} validation samples", how) if part)
    if not (math.isfinite(low) and math.isfinite(high)):
        return Figure(name, value, unit, "measured", provenance=f"{text}, not finite on some resamples")
    return Figure(name, value, unit, "measured", low, high, CONFIDENCE, text)
