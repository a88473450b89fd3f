"""Which modules a Python source imports, read from its syntax tree."""

from __future__ import annotations

import ast
from dataclasses import dataclass


@dataclass(frozen=True)
class Imports:
    """What one source file imports, wherever in the file it does so.

    Attributes:
        modules: absolute dotted names, in the order they stand; for `from a import b` both `a` and `a.b`, because
            only the disk can tell whether `b` is a module.
        stars: packages of which everything is imported.
        dynamic: True where a module is imported whose name is only known when the code runs.
    """

    modules: tuple[str, ...]
    stars: tuple[str, ...]
    dynamic: bool


def find_imports(tree: ast.AST, package: str) -> Imports:
    """Collect the imports of a parsed file; `package` is the dotted package it belongs to, empty at the top level."""
    modules: dict[str, None] = {}
    stars: dict[str, None] = {}
    dynamic = False
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules.update((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node.module or "", node.level, package)
            if base is None:
                continue
            modules.update({base: None} if base else {})
            for alias in node.names:
                if alias.name == "*":
                    stars[base] = None
                else:
                    modules[f"{base}.{alias.name}" if base else alias.name] = None
        elif isinstance(node, ast.Call) and _is_import_call(node.func) and node.args:
            name = _constant_name(node.args[0], package)
            dynamic = dynamic or name is None
            modules.update({name: None} if name else {})
    return Imports(tuple(modules), tuple(stars), dynamic)


def _absolute(module: str, level: int, package: str) -> str | None:
    """The absolute name of a relative import; None where it climbs out of the top-level package."""
    if level == 0:
        return module
    parts = package.split(".") if package else []
    if level - 1 > len(parts):
        return None
    base = parts[: len(parts) - (level - 1)]
    return ".".join([*base, *([module] if module else [])])


def _is_import_call(function: ast.expr) -> bool:
    if isinstance(function, ast.Name):
        return function.id in ("import_module", "__import__")
    return isinstance(function, ast.Attribute) and function.attr == "import_module"


def _constant_name(argument: ast.expr, package: str) -> str | None:
    if not isinstance(argument, ast.Constant) or not isinstance(argument.value, str):
        return None
    stripped = argument.value.lstrip(".")
    return _absolute(stripped, len(argument.value) - len(stripped), package)
