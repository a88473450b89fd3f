"""junit.xml: what CI systems read; one suite per target, one case per budget, claim and finding."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from xml.etree import ElementTree as ET

from edgebuild.report.facts import RunFacts, TargetFacts
from edgebuild.report.headline import budget_text
from edgebuild.report.wording import interval_text, value_text

Outcome = Literal["passed", "failure", "error", "skipped"]


@dataclass(frozen=True)
class Case:
    """One test case; `message` is shown for every outcome but `passed`, `output` always."""

    group: str
    name: str
    outcome: Outcome = "passed"
    message: str = ""
    output: str = ""


def render_junit(facts: RunFacts) -> str:
    """Return the XML document."""
    root = ET.Element("testsuites", name=facts.project.name)
    totals = {"tests": 0, "failures": 0, "errors": 0, "skipped": 0}
    for target in facts.targets:
        cases = list(_cases(target))
        suite = ET.SubElement(root, "testsuite", name=target.name, timestamp=facts.run.started.rstrip("Z"))
        counts = {
            "tests": len(cases),
            "failures": sum(case.outcome == "failure" for case in cases),
            "errors": sum(case.outcome == "error" for case in cases),
            "skipped": sum(case.outcome == "skipped" for case in cases),
        }
        for key, count in counts.items():
            suite.set(key, str(count))
            totals[key] += count
        suite.set("time", f"{sum(stage.seconds for stage in target.stages):.3f}")
        for case in cases:
            _append(suite, f"{facts.project.name}.{target.name}", case)
    for key, count in totals.items():
        root.set(key, str(count))
    root.set("time", f"{facts.run.seconds:.3f}")
    ET.indent(root)
    return ET.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _cases(target: TargetFacts) -> Iterator[Case]:
    if target.status == "skipped":
        yield Case("build", "build", "skipped", "the target was not built")
        return
    yield Case("build", "build", "error" if target.error else "passed", target.error or "")
    accuracy = target.figure("accuracy")
    if accuracy is not None:
        text = f"{value_text(accuracy)} {interval_text(accuracy)}".strip()
        yield Case("accuracy", "accuracy", "skipped" if accuracy.missing else "passed", accuracy.provenance, text)
    for claim in target.claims:
        yield Case(
            "claim", f"{claim.step}: {claim.claim}", "passed" if claim.ok else "failure", claim.evidence, claim.evidence
        )
    for finding in target.findings:
        outcome: Outcome = "failure" if finding.severity == "fatal" else "passed"
        layers = f" ({', '.join(finding.layers)})" if finding.layers else ""
        name = f"{finding.code}{layers}"
        yield Case("finding", name, outcome, finding.message, f"{finding.severity}: {finding.message}")
    for budget in target.budgets:
        text = f"{budget_text(budget)}; {budget.note}".rstrip("; ")
        outcome = "skipped" if budget.met is None else "passed" if budget.met else "failure"
        yield Case("budget", budget.name, outcome, text, text)


def _append(suite: ET.Element, owner: str, case: Case) -> None:
    element = ET.SubElement(suite, "testcase", classname=f"{owner}.{case.group}", name=_clean(case.name), time="0")
    if case.outcome == "skipped":
        ET.SubElement(element, "skipped", message=_clean(case.message))
    elif case.outcome != "passed":
        detail = ET.SubElement(element, case.outcome, message=_clean(case.message), type=case.group)
        detail.text = _clean(case.message)
    if case.output:
        ET.SubElement(element, "system-out").text = _clean(case.output)


def _clean(text: str) -> str:
    """Drop the control characters that XML 1.0 cannot hold (a tool's message may carry colour codes)."""
    return "".join(char for char in text if char in "\t\n\r" or ord(char) >= 0x20)
