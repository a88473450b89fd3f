"""report.md: the summary for the page of a CI job, in GitHub's flavour of Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from edgebuild.report.facts import RunFacts, TargetFacts
from edgebuild.report.headline import budget_state, budget_text, headline
from edgebuild.report.verdict import run_passed
from edgebuild.report.wording import DASH, interval_text, label, seconds_text, value_text

_MARKS = {"met": "✅", "missed": "❌", "not measured": "❔", "fatal": "❌", "allowed": "⚠️", "note": "ℹ️"}


def render_markdown(facts: RunFacts) -> str:
    """Return the document: one table of all targets, then what is worth reading of each."""
    verdict = "✅ all targets passed" if run_passed(facts) else "❌ not all targets passed"
    host = _plain(facts.run.host.get("cpu", "unknown"))
    took = seconds_text(facts.run.seconds)
    lines = [
        f"## {_plain(facts.project.name)}: {verdict}",
        "",
        f"Run `{facts.run.id}`, {took}, edgebuild {facts.run.edgebuild}, build host {host}.",
        "",
        *_summary(facts),
        "",
        "Latency of the build host compares the files; it does not predict the device's.",
    ]
    for target in facts.targets:
        lines += ["", *_target(target)]
    return "\n".join(lines) + "\n"


def _summary(facts: RunFacts) -> list[str]:
    head = (
        "Target",
        "File",
        "Size",
        facts.project.metric,
        "Drop",
        "Latency (build host)",
        "Latency (device)",
        "Budgets",
        "Verdict",
    )
    rows = [
        (
            f"**{_plain(row.target)}**",
            f"{_plain(row.file)} ({_plain(row.kind)})" if row.file != DASH else DASH,
            f"{row.size} {row.ratio}".strip(),
            f"{row.accuracy} {row.accuracy_interval}".strip(),
            f"{row.drop} {row.drop_interval}".strip(),
            f"{row.host_latency} {row.host_latency_interval}".strip(),
            f"{row.device_latency} {row.device_latency_interval}".strip(),
            "<br>".join(f"{_MARKS[state]} {text}" for state, _, text in row.budgets) or DASH,
            f"{'✅' if row.status == 'ok' else '➖' if row.status == 'skipped' else '❌'} {row.verdict}",
        )
        for row in headline(facts)
    ]
    return _table(head, rows, numbers=(2, 3, 4, 5, 6))


def _target(target: TargetFacts) -> list[str]:
    lines = ["<details>", f"<summary>{_plain(target.name)}</summary>", ""]
    if target.error:
        lines += ["```text", target.error.replace("```", "'''"), "```", ""]
    if target.artifact:
        lines += [f"`{target.artifact.folder}/{target.artifact.file}`, SHA-256 `{target.artifact.sha256}`", ""]
    if target.claims:
        rows = [("✅" if c.ok else "❌", _plain(c.claim), _plain(c.step), _plain(c.evidence)) for c in target.claims]
        lines += [*_table(("Proved", "Claim", "Step", "Evidence"), rows), ""]
    if target.findings:
        lines += [f"- {_MARKS[f.severity]} **{_plain(f.code)}** {_plain(f.message)}" for f in target.findings] + [""]
    if target.budgets:
        lines += [
            f"- {_MARKS[budget_state(b)]} {budget_text(b)}{': ' + _plain(b.note) if b.note else ''}"
            for b in target.budgets
        ] + [""]
    if target.figures:
        figures = [
            (label(f.name), value_text(f), interval_text(f) or DASH, f.kind, _plain(f.provenance))
            for f in target.figures
        ]
        lines += [*_table(("Figure", "Value", "Interval", "Kind", "Where it comes from"), figures, numbers=(1,)), ""]
    return [*lines, "</details>"]


def _table(head: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[int] = ()) -> list[str]:
    rule = ["---:" if index in numbers else "---" for index in range(len(head))]
    return [f"| {' | '.join(cells)} |" for cells in (head, rule, *rows)]


def _plain(text: str) -> str:
    """Escape what a table cell or HTML would misread."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return escaped.replace("|", "\\|").replace("\n", " ")
