"""The verdict on a target and on a run, from what was found."""

from __future__ import annotations

from collections.abc import Iterable

from edgebuild.check.finding import Finding
from edgebuild.report.facts import BudgetResult, ClaimFacts, RunFacts, Status

VERDICTS: dict[Status, str] = {
    "ok": "passed",
    "missed": "budget missed",
    "failed": "checks failed",
    "error": "build error",
    "skipped": "skipped",
}
"""How a status reads in a table."""


def judge_status(budgets: Iterable[BudgetResult], findings: Iterable[Finding], claims: Iterable[ClaimFacts]) -> Status:
    """Return the status of a target whose stages all finished: `failed` before `missed` before `ok`."""
    if any(finding.severity == "fatal" for finding in findings) or not all(claim.ok for claim in claims):
        return "failed"
    if any(budget.met is False for budget in budgets):
        return "missed"
    return "ok"


def run_passed(facts: RunFacts) -> bool:
    """True where every target that was built is ok, and at least one was."""
    built = [target.status for target in facts.targets if target.status != "skipped"]
    return bool(built) and all(status == "ok" for status in built)
