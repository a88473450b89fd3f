"""Where a module's source lies, found the way Python would find it but without importing anything."""

from __future__ import annotations

import importlib.machinery
import importlib.metadata
import importlib.util
import sys
import sysconfig
from functools import cache
from pathlib import Path

_SUFFIXES = (".py", *importlib.machinery.EXTENSION_SUFFIXES)
_OWN_PACKAGE = __name__.partition(".")[0]


class ModuleFinder:
    """Finds the files of the user's modules: below the project folder, or in a package installed in editable mode."""

    def __init__(self, project_root: Path) -> None:
        self._project_root = project_root
        self._roots: dict[str, Path | None] = {}

    def files(self, module: str) -> list[Path]:
        """Every file that importing `module` runs, packages first: `a/__init__.py`, `a/b.py`; empty if not the user's.

        A folder without `__init__.py` is a namespace package and has no file of its own. The list stops at the part
        that is not a module (it may be a name inside the module before).
        """
        root = self.root(module.partition(".")[0])
        if root is None:
            return []
        found = []
        folder = root
        for part in module.split("."):
            file = _module_file(folder, part)
            folder = folder / part
            if file is not None:
                found.append(file)
                if file.parent != folder:
                    break
            elif not folder.is_dir():
                break
        return found

    def exists(self, module: str) -> bool:
        """Whether `module` itself is the user's: a file, or a folder of modules."""
        root = self.root(module.partition(".")[0])
        if root is None:
            return False
        *parents, last = module.split(".")
        folder = root.joinpath(*parents)
        return _module_file(folder, last) is not None or (folder / last).is_dir()

    def root(self, top: str) -> Path | None:
        """The folder that holds the user's top-level module `top`; None where it is not the user's code."""
        if top not in self._roots:
            self._roots[top] = self._find_root(top)
        return self._roots[top]

    def display(self, file: Path) -> str:
        """How messages and keys name a file: relative to the folder it is imported from, with forward slashes."""
        for root in (self._project_root, *(root for root in self._roots.values() if root is not None)):
            if file.is_relative_to(root):
                return file.relative_to(root).as_posix()
        return file.name

    def package(self, file: Path, module: str) -> str:
        """Dotted package of the file of `module`, where its relative imports start from; "" at the top level."""
        root = self.root(module.partition(".")[0]) or self._project_root
        return ".".join(file.relative_to(root).parts[:-1])

    def _find_root(self, top: str) -> Path | None:
        if _module_file(self._project_root, top) is not None:
            return self._project_root
        location = _installed_location(top)
        installed = location is not None and any(location.is_relative_to(site) for site in _installation_folders())
        if installed or top == _OWN_PACKAGE or top in sys.stdlib_module_names:
            return None
        if location is None or _holds_modules(self._project_root / top):
            return self._project_root if _holds_modules(self._project_root / top) else None
        return location.parent


def installed_version(top: str) -> str:
    """`distribution==version` of the installed top-level module `top`; `absent` where nothing provides it."""
    location = _installed_location(top)
    if location is None:
        return "absent"
    name = _owner(top, location.parent)
    return f"{name}=={importlib.metadata.version(name)}" if name else "unversioned"


@cache
def distribution_version(name: str) -> str:
    """Version of an installed distribution; `absent` where it is not installed."""
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return "absent"


@cache
def _owner(top: str, site: Path) -> str | None:
    """Name of the distribution in the folder `site` that installed the module `top`.

    Reads the RECORD files as text: `importlib.metadata.packages_distributions` parses every one of them and costs
    ten times as much.
    """
    starts = (f"{top}/", f"{top}.py,", f"{top}.")
    for distribution in importlib.metadata.distributions(path=[str(site)]):
        record = distribution.read_text("RECORD")
        if record is None:
            named = (distribution.read_text("top_level.txt") or "").split()
            if top in named:
                return distribution.metadata["Name"]
        elif any(f"\n{record}".find(f"\n{start}") >= 0 for start in starts):
            return distribution.metadata["Name"]
    return top if distribution_version(top) != "absent" else None


@cache
def _installed_location(top: str) -> Path | None:
    """File or folder of an installed top-level module, without importing it; its `parent` is what is on sys.path."""
    try:
        spec = importlib.util.find_spec(top)
    except (ImportError, ValueError):  # a module without a spec, such as __main__
        return None
    if spec is None:
        return None
    if spec.submodule_search_locations:
        return Path(next(iter(spec.submodule_search_locations)))
    if spec.origin in (None, "built-in", "frozen"):
        return Path(sysconfig.get_path("stdlib")) / top
    return Path(str(spec.origin))


@cache
def _installation_folders() -> tuple[Path, ...]:
    paths = sysconfig.get_paths()
    site = [entry for entry in sys.path if Path(entry).name in ("site-packages", "dist-packages")]
    return tuple(dict.fromkeys(Path(p) for p in (*site, *(paths[k] for k in ("stdlib", "platstdlib", "purelib")))))


def _module_file(folder: Path, name: str) -> Path | None:
    for suffix in _SUFFIXES:
        if (folder / name / f"__init__{suffix}").is_file():
            return folder / name / f"__init__{suffix}"
    for suffix in _SUFFIXES:
        if (folder / f"{name}{suffix}").is_file():
            return folder / f"{name}{suffix}"
    return None


def _holds_modules(folder: Path) -> bool:
    return folder.is_dir() and any(folder.rglob("*.py"))
