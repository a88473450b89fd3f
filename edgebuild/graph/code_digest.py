"""The digest of the user's code: a module and every module of theirs that it imports, directly or not.

Nothing is imported to find out: the sources are parsed, and imports are followed wherever they stand (inside functions
too, and `importlib.import_module` with a constant name). What a file contributes is the SHA-256 of its bytes: touching
it changes nothing, editing a comment counts as a change (a comment can be read by `inspect`, and a rule that guesses
which edits matter would one day guess wrong). Modules of other people contribute `distribution==version`.

Where a module imports another by a name that is only known at run time, every module below the project folder counts.
Files that code opens by path are not code: they belong in `depends`.
"""

from __future__ import annotations

import ast
import hashlib
import sys
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from edgebuild.errors import ConfigError
from edgebuild.graph.imports import Imports, find_imports
from edgebuild.graph.source_modules import ModuleFinder, installed_version


@dataclass
class CodeDigest:
    """What user code consists of.

    Attributes:
        files: file relative to the project folder -> SHA-256 of its bytes.
        imported_by: file -> the file whose import led to it first; not there for the module asked for.
        packages: top-level module of someone else -> `distribution==version`.
    """

    files: dict[str, str] = field(default_factory=dict)
    imported_by: dict[str, str] = field(default_factory=dict)
    packages: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values, sorted."""
        return {
            "files": dict(sorted(self.files.items())),
            "imported_by": dict(sorted(self.imported_by.items())),
            "packages": dict(sorted(self.packages.items())),
        }


@dataclass(frozen=True)
class _Source:
    sha256: str
    imports: Imports


class CodeDigester:
    """Digests user code as it is on disk when first asked for: one digester sees one state of every file."""

    def __init__(self, project_root: Path) -> None:
        self._root = project_root.resolve()
        self._finder = ModuleFinder(self._root)
        self._sources: dict[Path, _Source] = {}
        self._digests: dict[str, CodeDigest] = {}

    def digest(self, reference: str) -> CodeDigest:
        """Digest `module:function` or `module` with everything it imports.

        Raises:
            ConfigError: there is no such module (the message names the files looked for), or a file cannot be parsed.
        """
        module = reference.partition(":")[0]
        if module not in self._digests:
            self._digests[module] = self._follow(module, reference)
        return self._digests[module]

    def _follow(self, module: str, reference: str) -> CodeDigest:
        result = CodeDigest()
        top = module.partition(".")[0]
        if not self._finder.exists(module):
            if self._finder.root(top) is not None or installed_version(top) == "absent":
                raise _no_module(module, reference)
            result.packages[top] = installed_version(top)
            return result
        queue: deque[tuple[str, str | None]] = deque([(module, None)])
        seen = {module}
        while queue:
            name, importer = queue.popleft()
            for file in self._finder.files(name):
                shown = self._finder.display(file)
                if shown in result.files:
                    continue
                source = self._read(file, shown, self._finder.package(file, name))
                result.files[shown] = source.sha256
                if importer is not None:
                    result.imported_by[shown] = importer
                for wanted in self._wanted(source.imports):
                    if wanted not in seen:
                        seen.add(wanted)
                        queue.append((wanted, shown))
            self._note_package(name, result)
        return result

    def _wanted(self, imports: Imports) -> Iterator[str]:
        yield from imports.modules
        for package in imports.stars:
            yield from self._modules_of(package)
        if imports.dynamic:
            yield from self._modules_of("")

    def _modules_of(self, package: str) -> Iterator[str]:
        """The modules right in a package of the user; for "" every module below the project folder."""
        if package:
            root = self._finder.root(package.partition(".")[0])
            folder = root.joinpath(*package.split(".")) if root is not None else None
            for file in sorted(folder.glob("*.py")) if folder is not None and folder.is_dir() else []:
                yield package if file.stem == "__init__" else f"{package}.{file.stem}"
            return
        for file in _python_files(self._root):
            parts = file.relative_to(self._root).with_suffix("").parts
            name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            if name and all(part.isidentifier() for part in name.split(".")):
                yield name

    def _note_package(self, module: str, result: CodeDigest) -> None:
        top = module.partition(".")[0]
        if self._finder.root(top) is None and top not in sys.stdlib_module_names and top not in result.packages:
            result.packages[top] = installed_version(top)

    def _read(self, file: Path, shown: str, package: str) -> _Source:
        if file not in self._sources:
            try:
                content = file.read_bytes()
            except OSError as error:
                msg = f"cannot read {shown}: {error.strerror}"
                raise ConfigError(msg) from error
            imports = Imports((), (), dynamic=False)
            if file.suffix == ".py":
                imports = find_imports(_parse(content, shown), package)
            self._sources[file] = _Source(hashlib.sha256(content).hexdigest(), imports)
        return self._sources[file]


def _parse(content: bytes, shown: str) -> ast.Module:
    try:
        return ast.parse(content, filename=shown)
    except (SyntaxError, ValueError) as error:
        line, column = getattr(error, "lineno", None) or 1, getattr(error, "offset", None) or 1
        text = getattr(error, "msg", None) or str(error)
        msg = f"{shown}:{line}:{column}: {text}"
        raise ConfigError(msg) from error


def _python_files(folder: Path) -> Iterator[Path]:
    """Every .py file below `folder`, without hidden folders, caches and virtual environments."""
    for entry in sorted(folder.iterdir()):
        if entry.is_dir():
            hidden = entry.name.startswith(".") or entry.name == "__pycache__"
            if not hidden and not (entry / "pyvenv.cfg").exists():
                yield from _python_files(entry)
        elif entry.suffix == ".py":
            yield entry


def _no_module(module: str, reference: str) -> ConfigError:
    path = module.replace(".", "/")
    msg = f"no module {module!r} for {reference!r}: found neither {path}.py nor {path}/ in the project folder"
    return ConfigError(msg, remedy=f"create {path}.py beside edgebuild.yaml, or install the package that has it")
