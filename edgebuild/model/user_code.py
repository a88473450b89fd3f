"""The user's own Python: importing a `module:function`, calling it, and saying where in their file it went wrong."""

from __future__ import annotations

import contextlib
import difflib
import importlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from edgebuild.errors import ConfigError, EdgebuildError

_imported: dict[str, Path] = {}
"""User module -> project folder it came from, so that another project in the same process gets its own `model.py`."""


def load_callable(reference: str, project_root: Path) -> Callable[..., Any]:
    """Import `module:function`, the project folder first on the path.

    Raises:
        ConfigError: the reference has no colon, the module or the name in it does not exist, importing it raises,
            or what it names cannot be called.
    """
    module_name, colon, attribute = reference.partition(":")
    if not colon or not module_name or not attribute:
        msg = f"{reference!r} is not of the form 'module:function'"
        raise ConfigError(msg, remedy="write it like 'model:build' for the function `build` of model.py")
    value: Any = _import_module(module_name, reference, project_root)
    for part in attribute.split("."):
        if not hasattr(value, part):
            _raise_missing_attribute(value, part, reference, module_name)
        value = getattr(value, part)
    if not callable(value):
        msg = f"{reference!r} is a {type(value).__name__}, expected a function or a class"
        raise ConfigError(msg)
    function: Callable[..., Any] = value
    return function


def call_user(
    reference: str,
    project_root: Path,
    args: Sequence[Any] = (),
    kwargs: Mapping[str, Any] | None = None,
    function: Callable[..., Any] | None = None,
) -> Any:
    """Call the user's `module:function` (or `function`, already loaded from it) and return what it returns.

    Raises:
        ConfigError: it raised; the message has the user's file and line, the type and the text of the exception.
            An EdgebuildError raised by the user's code passes unchanged.
    """
    target = load_callable(reference, project_root) if function is None else function
    with _remember_imports(project_root):
        _check_arguments(reference, target, args, kwargs or {})
        with user_errors(f"{reference!r} failed", project_root):
            return target(*args, **(kwargs or {}))


def _check_arguments(
    reference: str, function: Callable[..., Any], args: Sequence[Any], kwargs: Mapping[str, Any]
) -> None:
    """Tell a call that cannot be made apart from one that fails."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):  # some classes written in C have none
        return
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        given = [*(["…"] * len(args)), *(f"{key}={value!r}" for key, value in kwargs.items())]
        msg = f"{reference!r} cannot be called with ({', '.join(given)}): {error}"
        remedy = f"its parameters are {signature}; kwargs in edgebuild.yaml must fit them"
        raise ConfigError(msg, remedy=remedy) from error


def user_location(error: BaseException, project_root: Path) -> str | None:
    """`file:line` of the last line of the user's own code in the error's traceback, relative to the project folder."""
    if isinstance(error, SyntaxError) and error.filename and _is_user_file(error.filename, project_root):
        return f"{_relative(error.filename, project_root)}:{error.lineno}"
    frames = traceback.extract_tb(error.__traceback__)
    for frame in reversed(frames):
        if _is_user_file(frame.filename, project_root):
            return f"{_relative(frame.filename, project_root)}:{frame.lineno}"
    return None


@contextlib.contextmanager
def user_errors(what: str, project_root: Path) -> Iterator[None]:
    """Turn whatever the user's code raises inside the block into a ConfigError that starts with `what`.

    An EdgebuildError passes unchanged.
    """
    try:
        yield
    except EdgebuildError:
        raise
    except (Exception, SystemExit) as error:  # the user's code may raise anything, and all of it is theirs to mend
        place = user_location(error, project_root)
        msg = f"{what}{f' at {place}' if place else ''}: {describe_exception(error)}"
        raise ConfigError(msg, remedy=_remedy(error)) from error


def describe_exception(error: BaseException) -> str:
    """`ValueError: first line of its text`, with an ellipsis where there are more lines."""
    text = error.msg if isinstance(error, SyntaxError) else str(error)
    first, _, more = text.strip().partition("\n")
    if not first:
        return type(error).__name__
    return f"{type(error).__name__}: {first}{' …' if more else ''}"


def _remedy(error: BaseException) -> str | None:
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"install the package that provides {error.name!r} into this environment"
    if isinstance(error, FileNotFoundError) and error.filename and not Path(str(error.filename)).is_absolute():
        return "a relative path starts at the folder of edgebuild.yaml"
    return None


def _import_module(name: str, reference: str, project_root: Path) -> ModuleType:
    root = project_root.resolve()
    _enter_project(root)
    _raise_if_absent(name, reference, root)
    with user_errors(f"importing {name!r} for {reference!r} failed", root), _remember_imports(root):
        module = importlib.import_module(name)
    top = name.partition(".")[0]
    own = _project_file(top, root)
    loaded = getattr(sys.modules[top], "__file__", None)
    if own is not None and loaded is not None and Path(loaded).resolve() != own:
        msg = f"{own.relative_to(root)} has the name of another module that is already loaded: {top!r}"
        raise ConfigError(msg, remedy=f"rename {own.relative_to(root)}")
    return module


def _enter_project(root: Path) -> None:
    """Put `root` first on sys.path and forget modules that came from another project."""
    for name in [name for name, home in _imported.items() if home != root]:
        home = _imported.pop(name)
        sys.modules.pop(name, None)
        with contextlib.suppress(ValueError):
            sys.path.remove(str(home))
    if sys.path[:1] != [str(root)]:
        sys.path.insert(0, str(root))
    importlib.invalidate_caches()


@contextlib.contextmanager
def _remember_imports(project_root: Path) -> Iterator[None]:
    """Record which modules of the project folder were imported inside the block."""
    before = set(sys.modules)
    try:
        yield
    finally:
        for name in set(sys.modules) - before:
            file = getattr(sys.modules[name], "__file__", None)
            if file and _is_user_file(file, project_root):
                _imported[name] = project_root.resolve()


def _raise_if_absent(name: str, reference: str, root: Path) -> None:
    parts = name.split(".")
    if parts[0] in sys.modules or importlib.util.find_spec(parts[0]) is not None:
        tail = root.joinpath(*parts)
        inside = _project_file(parts[0], root) is not None
        if not inside or len(parts) == 1 or tail.is_dir() or tail.with_suffix(".py").is_file():
            return
    files = sorted(path.stem for path in root.glob("*.py")) + sorted(
        path.parent.name for path in root.glob("*/__init__.py")
    )
    near = difflib.get_close_matches(parts[0], files, n=1)
    hint = f"; did you mean {near[0]!r}?" if near and near[0] != parts[0] else ""
    path = "/".join(parts)
    msg = f"no module {name!r} for {reference!r}: found neither {path}.py nor {path}/ in the project folder{hint}"
    raise ConfigError(msg, remedy=f"create {path}.py beside edgebuild.yaml, or install the package that has it")


def _raise_missing_attribute(owner: Any, part: str, reference: str, module_name: str) -> None:
    names = [name for name in vars(owner) if not name.startswith("_")]
    near = difflib.get_close_matches(part, names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else "."
    defined = sorted(name for name in names if getattr(getattr(owner, name), "__module__", None) == module_name)
    listing = f" It defines: {', '.join(defined)}" if defined else ""
    msg = f"{reference!r}: module {module_name!r} has no {part!r}{hint}{listing}"
    raise ConfigError(msg, remedy=f"correct {reference!r} in edgebuild.yaml, or define {part!r}")


def _project_file(top: str, root: Path) -> Path | None:
    """The project's own file of the top-level module `top`, resolved."""
    for candidate in (root / top / "__init__.py", root / f"{top}.py"):
        if candidate.is_file():
            return candidate.resolve()
    return None


def _is_user_file(filename: str, project_root: Path) -> bool:
    path, root = Path(filename).resolve(), project_root.resolve()
    return path.is_relative_to(root) and "site-packages" not in path.relative_to(root).parts


def _relative(filename: str, project_root: Path) -> str:
    return Path(filename).resolve().relative_to(project_root.resolve()).as_posix()
