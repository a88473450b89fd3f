"""Proof of effect: one exported file held against every rule and against every claim of its plan."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgebuild.check.census.model import Census
from edgebuild.check.claim import ClaimResult
from edgebuild.check.finding import Finding, apply_allow
from edgebuild.check.promise import Promise
from edgebuild.check.summary import census_summary
from edgebuild.config.registries import CLAIMS, RULES

UNKNOWN_CLAIM = "unknown-claim"


@dataclass(frozen=True)
class ClaimProof:
    """One claim with what the file showed: `claim` as the step wrote it, `findings` after `allow`."""

    claim: Mapping[str, Any]
    evidence: str
    findings: tuple[Finding, ...]

    @property
    def holds(self) -> bool:
        """True where the file shows what the step claimed; a note does not contradict it."""
        return all(finding.severity == "note" for finding in self.findings)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        findings = [finding.to_json() for finding in self.findings]
        return {"claim": dict(self.claim), "evidence": self.evidence, "holds": self.holds, "findings": findings}


@dataclass(frozen=True)
class VerifyResult:
    """What verification found.

    Attributes:
        findings: of the rules, and of the claims where no rule found the same, after `allow`; fatal ones first.
        claims: one proof per claim, in the order of the plan.
        rules: codes of the rules that ran.
        summary: `edgebuild.check.summary.census_summary`.
    """

    findings: tuple[Finding, ...]
    claims: tuple[ClaimProof, ...]
    rules: tuple[str, ...]
    summary: dict[str, Any]

    @property
    def fatal(self) -> tuple[Finding, ...]:
        """The findings that fail the build."""
        return tuple(finding for finding in self.findings if finding.severity == "fatal")

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "findings": [finding.to_json() for finding in self.findings],
            "claims": [proof.to_json() for proof in self.claims],
            "rules": list(self.rules),
            "summary": self.summary,
        }


def verify(
    census: Census,
    promise: Promise,
    claims: Iterable[Mapping[str, Any]],
    layers: tuple[str, ...],
    allow: Iterable[str] = (),
    model: Path | None = None,
) -> VerifyResult:
    """Run every rule and check every claim.

    Args:
        census: of the exported file.
        promise: what the profile promised.
        claims: of the model record, in plan order.
        layers: the user's layers in forward order, for naming.
        allow: the profile's `allow:` entries.
        model: the model folder that the file was exported from, in which claims name a `file`.
    """
    entries = tuple(allow)
    rules = RULES.items()
    of_rules = [finding for _, rule in rules for finding in rule.check(census, promise, layers)]
    proofs = tuple(_prove(census, claim, entries, model) for claim in claims)
    seen = apply_allow(of_rules, entries)
    of_claims = [finding for proof in proofs for finding in proof.findings if not _is_told(finding, seen)]
    findings = _ordered([*seen, *of_claims])
    return VerifyResult(findings, proofs, tuple(code for code, _ in rules), census_summary(census))


def _prove(census: Census, claim: Mapping[str, Any], allow: tuple[str, ...], model: Path | None) -> ClaimProof:
    name = str(claim.get("claim"))
    complete = {**claim, "file": str((model or Path()) / claim["file"])} if "file" in claim else dict(claim)
    result = CLAIMS.get(name).check(census, complete) if name in CLAIMS else _unknown(name, claim)
    return ClaimProof(claim, result.evidence, tuple(apply_allow(result.findings, allow)))


def _is_told(finding: Finding, seen: Iterable[Finding]) -> bool:
    """True where a rule found the same thing in the same layers already: one line a defect is enough."""
    return any(
        told.code == finding.code and told.severity == finding.severity and set(told.layers) >= set(finding.layers)
        for told in seen
    )


def _unknown(name: str, claim: Mapping[str, Any]) -> ClaimResult:
    known = ", ".join(CLAIMS.names())
    message = f"{claim.get('step')} claims {name!r}, which no checker knows: its effect is not proved (known: {known})"
    return ClaimResult("not checked", (Finding(UNKNOWN_CLAIM, message),))


def _ordered(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    rank = {"fatal": 0, "allowed": 1, "note": 2}
    return tuple(sorted(dict.fromkeys(findings), key=lambda finding: rank[finding.severity]))
