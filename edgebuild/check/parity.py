"""Parity: do two runtimes, or a runtime and PyTorch, give the same outputs for the same inputs?"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from edgebuild.check.finding import Finding
from edgebuild.errors import InternalError
from edgebuild.figure import Figure
from edgebuild.model.score import CONFIDENCE, wilson

CODE = "parity"

_SAME_FILE_SQNR_DB = 20.0
"""Two runtimes that run one file right differ by rounding only; the silently wrong ones seen gave 2 to 24 dB."""
_SAME_FILE_LSB = {8: 1, 16: 256}
"""bits of the stored integer -> steps that rounding may make; 16-bit kernels differ more often, by far less: up to what
is one step of 8 bits"""
AFTER_QAT = "int8 trained in its own steps"
"""Instead of a dtype, where the reference computed with the numbers that the file was to have."""
_AGAINST_FLOAT_SQNR_DB = {
    "fp32": 60.0,
    "fp16": 40.0,
    "int16x8": 15.0,
    "int8": 5.0,
    "int8-dynamic": 5.0,
    "int8-weight-only": 5.0,
    "int4-dynamic": 5.0,
    "int4-weight-only": 5.0,
    AFTER_QAT: 25.0,
}
"""dtype -> below this the file does not compute the model any more; above it, accuracy is a matter of budgets."""


@dataclass(frozen=True)
class ParityResult:
    """How two sets of outputs of the same inputs compare.

    Attributes:
        left, right: what made them: `pytorch`, `litert 2.3.0`; left is the reference.
        output: name of the output.
        samples: how many inputs.
        elements: how many numbers were compared.
        not_finite: how many of the right's numbers are NaN or infinite where the left's are finite.
        max_abs_diff: largest difference, in the outputs' unit; NaN where nothing finite could be compared.
        sqnr_db: 10 log10(sum(left^2) / sum((left - right)^2)); infinite where equal.
        equal: how many numbers are exactly equal.
        max_lsb: largest difference in steps of the stored integer; None for floating-point outputs.
        bits: of the stored integer; None for floating-point outputs.
        agreeing: samples with the same top-1; None where the output has no scores to rank.
    """

    left: str
    right: str
    output: str
    samples: int
    elements: int
    not_finite: int
    max_abs_diff: float
    sqnr_db: float
    equal: int
    max_lsb: int | None
    bits: int | None
    agreeing: int | None

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values; an infinite or undefined ratio becomes text, which JSON has no number for."""
        raw = asdict(self)
        for key in ("max_abs_diff", "sqnr_db"):
            if not math.isfinite(raw[key]):
                raw[key] = str(raw[key])
        return raw

    @property
    def between(self) -> str:
        """`pytorch and litert 2.3.0, 360 samples`."""
        return f"{self.left} and {self.right}, {self.samples} samples"


def compare_outputs(left: np.ndarray, right: np.ndarray, *, names: tuple[str, str], output: str) -> ParityResult:
    """Compare the outputs [n, ...] of two runtimes for the same n inputs.

    Arrays of one integer dtype are compared as stored, in steps (LSB); everything else must be real values already.

    Raises:
        InternalError: the arrays differ in shape, are empty, or only one of them is an integer array.
    """
    if left.shape != right.shape or left.size == 0:
        msg = f"outputs {output!r} cannot be compared: {names[0]} gives {left.shape}, {names[1]} gives {right.shape}"
        raise InternalError(msg)
    integer = left.dtype.kind in "iu"
    if integer != (right.dtype.kind in "iu"):
        msg = f"outputs {output!r}: {names[0]} gives {left.dtype}, {names[1]} gives {right.dtype}; dequantize one"
        raise InternalError(msg)
    reference, other = left.astype(np.float64), right.astype(np.float64)
    finite = np.isfinite(reference) & np.isfinite(other)
    difference = np.abs(reference - other)[finite]
    largest = float(difference.max()) if difference.size else math.nan
    return ParityResult(
        left=names[0],
        right=names[1],
        output=output,
        samples=len(left),
        elements=left.size,
        not_finite=int((np.isfinite(reference) & ~np.isfinite(other)).sum()),
        max_abs_diff=largest,
        sqnr_db=_sqnr_db(reference, other),
        equal=int((left == right).sum()),
        max_lsb=int(largest) if integer else None,
        bits=8 * left.dtype.itemsize if integer else None,
        agreeing=_agreeing(reference, other),
    )


def parity_figures(result: ParityResult) -> list[Figure]:
    """The comparison as figures; over the samples named they are exact, only agreement speaks of inputs not seen."""
    provenance = f"{result.output}: {result.between}"
    figures = [
        Figure("max_abs_diff", _number(result.max_abs_diff), "1", "exact", provenance=provenance),
        Figure("sqnr", _number(result.sqnr_db), "dB", "exact", provenance=provenance),
        Figure("equal_outputs", 100 * result.equal / result.elements, "%", "exact", provenance=provenance),
    ]
    if result.max_lsb is not None:
        figures.append(Figure("max_lsb", result.max_lsb, "LSB", "exact", provenance=provenance))
    if result.agreeing is not None:
        low, high = wilson(result.agreeing, result.samples)
        share = 100 * result.agreeing / result.samples
        figures.append(Figure("agreement", share, "%", "measured", 100 * low, 100 * high, CONFIDENCE, provenance))
    return figures


def runtime_findings(result: ParityResult) -> list[Finding]:
    """Findings of two runtimes that ran one file: they may differ by rounding, not by more."""
    if result.not_finite:
        return [_finding(result, f"{result.not_finite} of {result.elements} numbers are NaN or infinite")]
    steps = _SAME_FILE_LSB.get(result.bits or 0, 1)
    if result.max_lsb is not None and result.max_lsb > steps:
        return [_finding(result, f"they differ by up to {result.max_lsb} steps, at most {steps} is rounding")]
    if result.max_lsb is None and result.sqnr_db < _SAME_FILE_SQNR_DB:
        return [_finding(result, f"{result.sqnr_db:.1f} dB, at least {_SAME_FILE_SQNR_DB:.0f} dB expected of one file")]
    return []


def reference_findings(result: ParityResult, dtype: str) -> list[Finding]:
    """Findings of a file against the PyTorch model it was made from; `dtype` as the profile asked, or `AFTER_QAT`."""
    least = _AGAINST_FLOAT_SQNR_DB[dtype]
    if result.not_finite:
        return [_finding(result, f"{result.not_finite} of {result.elements} numbers are NaN or infinite")]
    if not result.sqnr_db >= least:
        return [_finding(result, f"{result.sqnr_db:.1f} dB, at least {least:.0f} dB expected of {dtype}")]
    return []


def _finding(result: ParityResult, what: str) -> Finding:
    return Finding(CODE, f"output {result.output} of {result.between}: {what}")


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _sqnr_db(reference: np.ndarray, other: np.ndarray) -> float:
    noise = float(np.square(reference - other).sum())
    signal = float(np.square(reference).sum())
    if noise == 0:
        return math.inf
    if not math.isfinite(noise):
        return -math.inf
    return 10 * math.log10(signal / noise) if signal else -math.inf


def _agreeing(reference: np.ndarray, other: np.ndarray) -> int | None:
    flat = reference.reshape(len(reference), -1)
    if reference.ndim != 2 or flat.shape[1] < 2:
        return None
    return int((flat.argmax(axis=1) == other.reshape(flat.shape).argmax(axis=1)).sum())
