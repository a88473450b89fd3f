"""Importing the user's modules from their source, never from a cached bytecode file.

Python takes a `.pyc` for fresh if the source's time stamp (whole seconds) and size fit. A helper edited twice within a
second can pass that check, and the old code's result would be stored under the new code's key.
"""

from __future__ import annotations

import importlib.machinery
import sys
from collections.abc import Callable
from pathlib import Path
from types import CodeType


class _SourceOnlyLoader(importlib.machinery.SourceFileLoader):
    """Compiles the file each time; neither reads nor writes `__pycache__`."""

    def get_code(self, fullname: str) -> CodeType:
        path = self.get_filename(fullname)
        return self.source_to_code(self.get_data(path), path)


def import_from_source(project_root: Path) -> None:
    """From now on, modules below `project_root` are compiled from source in this process; installed ones are not."""
    sys.path_hooks.insert(0, _hook(project_root.resolve()))
    for path in [path for path in sys.path_importer_cache if Path(path).is_relative_to(project_root)]:
        del sys.path_importer_cache[path]


def _hook(root: Path) -> Callable[[str], importlib.machinery.FileFinder]:
    def find(path: str) -> importlib.machinery.FileFinder:
        folder = Path(path).resolve()
        if not folder.is_dir() or not folder.is_relative_to(root) or "site-packages" in folder.relative_to(root).parts:
            raise ImportError(path)
        return importlib.machinery.FileFinder(
            path,
            (importlib.machinery.ExtensionFileLoader, importlib.machinery.EXTENSION_SUFFIXES),
            (_SourceOnlyLoader, importlib.machinery.SOURCE_SUFFIXES),
        )

    return find
