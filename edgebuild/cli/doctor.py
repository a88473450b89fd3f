"""`edgebuild doctor`: what this machine has of what a build needs, and the command for each thing that is missing."""

from __future__ import annotations

from typing import Any

import typer

from edgebuild.cli.options import DEFAULT_PROJECT, Json, Project
from edgebuild.cli.output import emit
from edgebuild.errors import ExitCode


def doctor(project: Project = DEFAULT_PROJECT, as_json: Json = False) -> None:
    """List every package, runtime and program with its version, and how to get what is missing.

    Exit code 3 if something is missing or wrong that a build of the shipped targets needs.
    """
    from edgebuild.doctor.check import blocking
    from edgebuild.doctor.machine import examine_machine
    from edgebuild.doctor.packages import examine_packages
    from edgebuild.doctor.programs import examine_programs
    from edgebuild.doctor.runtimes import examine_runtimes

    root = project if project.is_dir() else project.parent
    checks = [*examine_machine(root / ".edgebuild"), *examine_packages(), *examine_runtimes(), *examine_programs()]
    stopping = blocking(checks)
    facts = {"checks": [check.to_json() for check in checks], "blocking": [check.name for check in stopping]}
    emit(facts, as_json, lambda: _render(facts))
    if stopping:
        raise typer.Exit(ExitCode.MISSING_TOOL)


def _render(facts: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False)
    for column in ("", "found", "wanted", "for"):
        table.add_column(column, overflow="fold")
    marks = {"ok": Text("ok", "green"), "blocking": Text("MISSING", "bold red"), "absent": Text("absent", "yellow")}
    remedies = []
    for check in facts["checks"]:
        verdict = "ok" if check["state"] == "ok" else "blocking" if check["required"] else "absent"
        name = Text.assemble(marks[verdict], " ", check["name"])
        table.add_row(name, check["found"] or "-", check["wanted"], check["purpose"])
        if verdict != "ok":
            remedies.append(f"{check['name']}: {check['remedy']}")
    console = Console()
    console.print(table)
    if remedies:
        console.print("\nTo put it right:" if facts["blocking"] else "\nNothing a build needs is missing. The rest:")
        for remedy in remedies:
            console.print(f"  {remedy}", markup=False, highlight=False, soft_wrap=True)
    else:
        console.print("\nNothing is missing.")
