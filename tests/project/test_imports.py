"""Who may import whom, read from the source: imports run downwards only, and the light layers stay light."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "edgebuild"

LAYERS = (
    {"cli"},
    {"graph", "doctor"},
    {"compress", "export", "check", "bench", "report", "package"},
    {"device", "runtime", "estimate", "model"},
    {"config"},
    {"errors", "figure", "output_file", "registry", "progress", "__init__", "_shipped"},
)
"""From the top down. A part may import from its own layer and from those below it."""

STRANGERS = (
    ("compress", "export"),
    ("export", "compress"),
    ("device", "model"),
)
"""(part, part it must not know), within the rule above."""

HEAVY = {
    "accelerate",
    "ai_edge_litert",
    "ai_edge_quantizer",
    "executorch",
    "litert_torch",
    "plotly",
    "sklearn",
    "torch",
    "torchao",
    "torchmetrics",
}
"""Never imported when a module is loaded, only inside functions: a command that needs none of them pays for none."""

LEVEL = {part: level for level, parts in enumerate(LAYERS) for part in parts}


def sources() -> list[Path]:
    return [path for path in sorted(PACKAGE.rglob("*.py")) if "templates" not in path.parts]


def part_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported_modules(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Yield (line, dotted module) of every absolute import in `tree`, wherever it stands."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.lineno, node.module
            if node.module == "edgebuild":
                yield from ((node.lineno, f"edgebuild.{alias.name}") for alias in node.names)


def imports_on_load(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield (line, dotted module) of the imports that run when the module is loaded."""
    pending: list[ast.stmt] = list(tree.body)
    while pending:
        node = pending.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or _is_type_checking(node):
            continue
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from imported_modules(node)
        pending += [child for child in ast.iter_child_nodes(node) if isinstance(child, ast.stmt)]


def _is_type_checking(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def test_every_part_of_the_package_has_its_layer() -> None:
    assert {part_of(path) for path in sources()} <= set(LEVEL)


@pytest.mark.parametrize("part", sorted({part_of(path) for path in sources()}))
def test_imports_run_downwards_only(part: str) -> None:
    upward = []
    for path in sources():
        if part_of(path) != part:
            continue
        for line, module in imported_modules(ast.parse(path.read_text())):
            names = module.split(".")
            if names[0] != "edgebuild" or len(names) == 1 or names[1] not in LEVEL:
                continue
            if LEVEL[names[1]] < LEVEL[part] or (part, names[1]) in STRANGERS:
                upward.append(f"{path.relative_to(ROOT)}:{line} imports {module}")
    assert upward == []


def test_heavy_libraries_are_imported_inside_functions_only() -> None:
    on_load = [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for path in sources()
        for line, module in imports_on_load(ast.parse(path.read_text()))
        if module.split(".")[0] in HEAVY
    ]
    assert on_load == []


def loaded_by(*arguments: str) -> set[str]:
    """Return the top-level modules that a command loads, run in a process of its own."""
    program = (
        "import json, sys\n"
        f"sys.argv = {['edgebuild', *arguments]!r}\n"
        "from edgebuild.cli.main import main\n"
        "code = 0\n"
        "try:\n"
        "    main()\n"
        "except SystemExit as end:\n"
        "    code = end.code\n"
        "print(json.dumps([code, sorted({name.split('.')[0] for name in sys.modules})]), file=sys.stderr)\n"
    )
    completed = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    code, modules = json.loads(completed.stderr.splitlines()[-1])
    assert code in (0, None), completed.stderr
    return set(modules)


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("build", "--help"), ("targets", "list")])
def test_commands_that_build_nothing_load_no_heavy_library(arguments: tuple[str, ...]) -> None:
    assert loaded_by(*arguments) & HEAVY == set()


def test_help_loads_neither_numpy_nor_the_yaml_reader() -> None:
    assert loaded_by("--help") & {"numpy", "yaml", "pydantic"} == set()
