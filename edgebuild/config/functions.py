"""Whether a module of the user is there, found out without importing anything."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from pathlib import Path


def module_exists(name: str, root: Path) -> bool:
    """Whether `name` (dotted) is a module of the project folder or of the environment."""
    if name in sys.modules:
        return True
    importlib.invalidate_caches()
    top, *rest = name.split(".")
    spec = _top_level(top, root)
    for part in rest:
        if spec is None or spec.submodule_search_locations is None:
            return False
        spec = _find(part, list(spec.submodule_search_locations))
    return spec is not None


def _top_level(name: str, root: Path) -> ModuleSpec | None:
    own = _find(name, [str(root)])
    return importlib.util.find_spec(name) if own is None else own


def _find(name: str, folders: Sequence[str]) -> ModuleSpec | None:
    return importlib.machinery.PathFinder.find_spec(name, list(folders))
