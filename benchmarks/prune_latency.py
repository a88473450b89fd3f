"""What pruning gives in the exported files: size and latency of a pruned network against the whole one, both int8."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from measuring.demo import build_facts, fresh_project
from measuring.results import Result, publish

WIDTH = 64
"""Four times the demo's: its own runs so fast that calling the runtime takes most of the time."""
KEEP = 0.4
PLAN = f"[prune: {{keep: {{macs: {KEEP}}}, finetune: {{epochs: 4}}}}, quantize: {{kind: static}}]"
TARGETS = {"raspberry-pi-4": "LiteRT", "android-arm64": "ExecuTorch"}


def main() -> None:
    """Build both networks for both runtimes and compare the figures of the report."""
    with tempfile.TemporaryDirectory() as folder:
        project = fresh_project(Path(folder))
        write_targets(project / "edgebuild.yaml")
        run = build_facts(project)
    facts = {target["name"]: target for target in run["targets"]}
    results = [cut(run)]
    for name, runtime in TARGETS.items():
        results += compare(runtime, facts[name], facts[f"{name}-pruned"])
    publish(
        "prune_latency",
        "What pruning gives in the exported files",
        f"The digits network at width {WIDTH}, whole and cut to at most {KEEP:.0%} of its MACs, both int8 and in one "
        "build; latency is this host's, one thread. Accuracy is that of the files.",
        results,
    )


def write_targets(file: Path) -> None:
    """Replace the demo's targets, and give it the wider network."""
    head = file.read_text().partition("targets:")[0]
    head = head.replace('factory: "model:build"', f'factory: "model:build"\n  kwargs: {{width: {WIDTH}}}')
    rows = [f"  - {name}\n  - {{extends: {name}, target: {name}-pruned, plan: {PLAN}}}" for name in TARGETS]
    file.write_text(head + "targets:\n" + "\n".join(rows) + "\n")


def cut(run: dict[str, Any]) -> Result:
    """The share of MACs that is left, from the ledger."""
    step = next(row for target in run["targets"] for row in target["ledger"] if row["title"].startswith("prune"))
    whole = next(one["value"] for one in run["baseline"]["figures"] if one["name"] == "macs")
    left = next(one["value"] for one in step["figures"] if one["name"] == "macs")
    detail: str = step["effect"].partition(";")[0]
    return Result("MACs left", 100 * left / whole, "%", 100 * KEEP, detail)


def compare(runtime: str, whole: dict[str, Any], pruned: dict[str, Any]) -> list[Result]:
    """Size, latency and accuracy of one runtime's files."""
    results = []
    for name in ("file_size", "host_latency", "accuracy"):
        before, after = figure(whole, name), figure(pruned, name)
        times = f", {before['value'] / after['value']:.2f} times less" if name != "accuracy" else ""
        detail = f"{shown(after)} pruned, {shown(before)} whole{times}"
        results.append(Result(f"{runtime}: {name}", after["value"], after["unit"], detail=detail))
    return results


def figure(target: dict[str, Any], name: str) -> dict[str, Any]:
    """The last figure of that name, as the report takes it."""
    found: dict[str, Any] = next(one for one in reversed(target["figures"]) if one["name"] == name)
    return found


def shown(one: dict[str, Any]) -> str:
    """A figure with its interval."""
    interval = "" if one["low"] is None else f" [{one['low']:.4g}, {one['high']:.4g}]"
    return f"{one['value']:.5g} {one['unit']}{interval}"


if __name__ == "__main__":
    main()
