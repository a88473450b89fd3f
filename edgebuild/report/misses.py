"""What keeps a run from passing, said plainly for whoever sees only the end of a log."""

from __future__ import annotations

from edgebuild.report.facts import RunFacts
from edgebuild.report.headline import limit_text


def misses(facts: RunFacts) -> list[tuple[str, str]]:
    """What keeps the targets from passing, one line each, with what to do about it: fatal findings, missed budgets."""
    found = []
    for target in facts.targets:
        for finding in target.findings:
            if finding.severity == "fatal":
                what = f"{target.name}: {finding.code}: {finding.message}"
                found.append((what, f"mend it, or accept it with `allow: [{finding.code}]` in the profile"))
        for budget in target.budgets:
            if budget.met is False:
                note = f" ({budget.note})" if budget.note else ""
                value, limit = (limit_text(number, budget.unit) for number in (budget.value or 0.0, budget.limit))
                bound = "at least" if budget.sense == "min" else "at most"
                what = f"{target.name}: budget missed: {budget.name} is {value}, expected {bound} {limit}{note}"
                found.append((what, f"make the model fit, or change budgets.{budget.name} in the profile"))
    return found
