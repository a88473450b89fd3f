"""A claim: what a plan step says it changed in the exported file, and the check that it did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from edgebuild.check.census.model import Census
from edgebuild.check.finding import Finding


@dataclass(frozen=True)
class ClaimResult:
    """What was found for one claim: `evidence` is one line with counts, `findings` is empty when it holds."""

    evidence: str
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True)
class ClaimChecker:
    """Checks claims of one kind; registered in CLAIMS under the claim's name.

    A claim in an artifact's model.json is `{"claim": name, "step": "quantize", ...parameters}`. A parameter `file` is
    the name of a file in the model folder; `check` gets its path.
    """

    check: Callable[[Census, dict[str, Any]], ClaimResult]
