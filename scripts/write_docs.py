"""Write the pages of docs/ that are made from the code: `cli.md`, `profile-reference.md`, `report.schema.json`.

Run as `.venv/bin/python scripts/write_docs.py`, or `make docs`; a test fails where a page is not what this writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from edgebuild.config.reference import profile_reference
from edgebuild.report.schema import schema_text

DOCS = Path(__file__).resolve().parent.parent / "docs"

INTRODUCTION = """\
# Commands

Made from the code by `make docs`; do not edit it.

Results go to stdout, progress and messages to stderr. Every command that shows a result takes `--json`: the same facts
with stable keys, and nothing else on stdout. `edgebuild --debug COMMAND` shows tracebacks. What the exit codes mean is
in [exit-codes.md](exit-codes.md).
"""


def commands_page() -> str:
    """Return docs/cli.md."""
    import typer

    from edgebuild.cli.main import app

    group: Any = typer.main.get_command(app)
    return INTRODUCTION + "".join(_section(name, command) for name, command in _commands(group, "edgebuild"))


def _commands(group: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """Yield (full name, command) of every command that can be run, in the order of the help."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{prefix} {name}")
        else:
            yield f"{prefix} {name}", command


def _section(name: str, command: Any) -> str:
    rows = "".join(_row(parameter) for parameter in command.params)
    table = f"\n| | |\n|---|---|\n{rows}" if rows else ""
    return f"\n## `{name}`\n\n{_unwrapped(command.help)}\n{table}"


def _row(parameter: Any) -> str:
    is_option = parameter.param_type_name == "option"
    spelled = ", ".join(f"`{name}`" for name in parameter.opts) if is_option else f"`{parameter.name.upper()}`"
    notes = [parameter.help or ""]
    if parameter.required:
        notes.append("Required.")
    elif is_option and not parameter.is_flag and parameter.default is not None:
        notes.append(f"Default: `{parameter.default}`.")
    return f"| {spelled} | {' '.join(notes).strip().replace('|', chr(92) + '|')} |\n"


def _unwrapped(text: str) -> str:
    """Paragraphs of a docstring, each on one line."""
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in text.split("\n\n"))


PAGES: dict[str, Callable[[], str]] = {
    "cli.md": commands_page,
    "profile-reference.md": profile_reference,
    "report.schema.json": schema_text,
}
"""File below docs/ -> what makes its text."""


def main() -> None:
    """Write every page."""
    for name, text in PAGES.items():
        (DOCS / name).write_text(text(), encoding="utf-8")
        print(f"docs/{name}")


if __name__ == "__main__":
    main()
