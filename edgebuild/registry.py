"""One registry per kind of extension: a new method, format or device is one new file that registers itself."""

from __future__ import annotations

import difflib
import importlib
import pkgutil
from collections.abc import Callable
from typing import Generic, TypeVar

from edgebuild.errors import ConfigError

T = TypeVar("T")


class Registry(Generic[T]):
    """Named extensions of one kind, found by importing every module below one package.

    The modules are imported on the first look-up, so that a command which needs none of them pays nothing;
    they must therefore import heavy libraries (torch, executorch, litert) inside their functions.
    """

    def __init__(self, kind: str, package: str) -> None:
        """`kind` is the word for messages (`format`); `package` is the dotted name of the modules that register."""
        self.kind = kind
        self.package = package
        self._entries: dict[str, T] = {}
        self._discovered = False

    def register(self, name: str) -> Callable[[T], T]:
        """Return a decorator (or a function to call) that stores its argument under `name`."""

        def store(entry: T) -> T:
            if name in self._entries:
                msg = f"{self.kind} {name!r} is registered twice"
                raise ValueError(msg)
            self._entries[name] = entry
            return entry

        return store

    def names(self) -> list[str]:
        """All registered names, sorted."""
        self._discover()
        return sorted(self._entries)

    def get(self, name: str) -> T:
        """Return the entry called `name`.

        Raises:
            ConfigError: there is none; the message suggests the nearest name and lists all.
        """
        self._discover()
        if name not in self._entries:
            near = difflib.get_close_matches(name, self._entries, n=1)
            hint = f"; did you mean {near[0]!r}?" if near else "."
            msg = f"unknown {self.kind} {name!r}{hint} Known: {', '.join(sorted(self._entries))}"
            raise ConfigError(msg)
        return self._entries[name]

    def registered(self, name: str) -> T | None:
        """The entry called `name` if its module is imported already; None otherwise, nothing is searched."""
        return self._entries.get(name)

    def __contains__(self, name: object) -> bool:
        self._discover()
        return name in self._entries

    def items(self) -> list[tuple[str, T]]:
        """All (name, entry) pairs, sorted by name."""
        self._discover()
        return sorted(self._entries.items())

    def _discover(self) -> None:
        if self._discovered:
            return
        self._discovered = True
        package = importlib.import_module(self.package)
        for module in pkgutil.walk_packages(getattr(package, "__path__", ()), f"{self.package}."):
            importlib.import_module(module.name)
