"""Accuracy of each exported file on the digits: promised within 0.5 points of the float baseline."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from measuring.demo import build_facts, fresh_project
from measuring.results import Result, publish

LIMIT_POINTS = 0.5


def main() -> None:
    """Build the demo and read the figures of its report."""
    with tempfile.TemporaryDirectory() as folder:
        facts = build_facts(fresh_project(Path(folder)))
    baseline = _figure(facts["baseline"]["figures"], "accuracy")
    results = [Result("float baseline", baseline["value"], "%", detail=baseline["provenance"])]
    for target in facts["targets"]:
        accuracy = _figure(target["figures"], "accuracy")
        drop = _figure(target["figures"], "accuracy_drop")
        detail = f"accuracy {accuracy['value']:.2f} % [{accuracy['low']:.2f}, {accuracy['high']:.2f}]"
        results.append(Result(f"points lost on {target['name']}", drop["value"], "points", LIMIT_POINTS, detail))
    publish(
        "demo_accuracy",
        "Accuracy of the demo's exported files",
        "Each file through its own runtime on this host, on the whole validation split; the baseline is the float "
        "PyTorch model on the same samples.",
        results,
    )


def _figure(figures: list[dict[str, Any]], name: str) -> dict[str, Any]:
    """The last figure of that name, as the report takes it."""
    return next(figure for figure in reversed(figures) if figure["name"] == name)


if __name__ == "__main__":
    main()
