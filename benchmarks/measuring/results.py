"""Claims against measurements: a table on the screen, JSON and Markdown in reports/benchmarks/."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

from edgebuild.bench.host import host_facts

OUTPUT = Path(__file__).resolve().parents[2] / "reports" / "benchmarks"

TOOLS = ("edgebuild", "torch", "executorch", "torchao", "litert-torch", "ai-edge-litert", "ai-edge-quantizer", "numpy")


@dataclass(frozen=True)
class Result:
    """One line of a benchmark.

    Attributes:
        claim: what is measured.
        value: in `unit`.
        limit: what was promised, in `unit`; None for lines that only inform.
        detail: how often, lowest to highest, what was compared.
    """

    claim: str
    value: float
    unit: str
    limit: float | None = None
    detail: str = ""

    @property
    def verdict(self) -> str:
        """`met`, `MISSED`, or empty where nothing was promised."""
        if self.limit is None:
            return ""
        return "met" if self.value <= self.limit else "MISSED"


@dataclass(frozen=True)
class Table:
    """What a line per result cannot hold; every row has a cell for each of `columns`, None where it is empty."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str | float | None]]

    def to_markdown(self) -> str:
        """A heading and the table."""
        cells = [["" if cell is None else _cell(cell) for cell in row] for row in self.rows]
        return f"## {self.title}\n\n{_aligned([list(self.columns), *cells])}"


def publish(name: str, title: str, how: str, results: Sequence[Result], tables: Sequence[Table] = ()) -> None:
    """Print the results and write `<name>.json` and `<name>.md`; ends the program with 1 if a limit is missed."""
    machine = host_facts()
    versions = {tool: metadata.version(tool) for tool in TOOLS}
    date = datetime.now(UTC).strftime("%Y-%m-%d")
    facts = {
        "benchmark": name,
        "title": title,
        "how": how,
        "date": date,
        "machine": machine,
        "versions": versions,
        "results": [{**asdict(result), "verdict": result.verdict} for result in results],
    }
    if tables:
        facts["tables"] = [asdict(table) for table in tables]
    OUTPUT.mkdir(parents=True, exist_ok=True)
    (OUTPUT / f"{name}.json").write_text(json.dumps(facts, indent=1) + "\n")
    table = _table(results)
    more = [one.to_markdown().rstrip() for one in tables]
    about = [f"Measured on {date}: {_listing(machine)}.", f"With {_listing(versions)}."]
    again = f"Again: `.venv/bin/python benchmarks/{name}.py`"
    (OUTPUT / f"{name}.md").write_text("\n\n".join([f"# {title}", table.rstrip(), *more, how, *about, again]) + "\n")
    print("\n\n".join([f"{title}\n\n{table}".rstrip(), *more]))
    print(f"\nwritten: reports/benchmarks/{name}.json and .md")
    if any(result.verdict == "MISSED" for result in results):
        sys.exit(1)


def _table(results: Sequence[Result]) -> str:
    rows = [("what", "measured", "promised", "", "how")]
    for result in results:
        limit = "" if result.limit is None else f"<= {_number(result.limit)} {result.unit}"
        rows.append((result.claim, f"{_number(result.value)} {result.unit}", limit, result.verdict, result.detail))
    return _aligned(rows)


def _aligned(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    rule = "|" + "|".join("-" * (width + 2) for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]]) + "\n"


def _cell(cell: str | float) -> str:
    return cell if isinstance(cell, str) else _number(cell)


def _listing(facts: dict[str, str]) -> str:
    return ", ".join(f"{key} {value}" for key, value in facts.items())


def _number(value: float) -> str:
    return f"{value:.0f}" if value == int(value) else f"{value:.4g}"
