"""Claim `size_ratio` {baseline_bytes, maximum}: the file is at most this fraction of the baseline's size."""

from __future__ import annotations

from typing import Any

from edgebuild.check.census.model import Census
from edgebuild.check.claim import ClaimChecker, ClaimResult
from edgebuild.check.finding import Finding
from edgebuild.check.selection import parameter
from edgebuild.config.registries import CLAIMS
from edgebuild.figure import format_value

CODE = "size-ratio"


def check(census: Census, claim: dict[str, Any]) -> ClaimResult:
    """Compare the bytes of the file with those of the baseline's."""
    baseline = int(parameter(claim, "baseline_bytes"))
    maximum = float(parameter(claim, "maximum"))
    ratio = census.file_bytes / baseline
    evidence = f"{format_value(census.file_bytes, 'B')}, {ratio:.3f} of the baseline's {format_value(baseline, 'B')}"
    if ratio <= maximum:
        return ClaimResult(evidence)
    message = f"{claim['step']}: the file has {evidence}; at most {maximum:.3f} promised"
    return ClaimResult(evidence, (Finding(CODE, message),))


CLAIMS.register("size_ratio")(ClaimChecker(check))
