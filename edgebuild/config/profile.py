"""From a reference to a profile (a shipped name, a path, a mapping) to one merged mapping that remembers its files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgebuild.config.document import describe_value, file_label, read_document
from edgebuild.config.located import Located, MergeRules, merge
from edgebuild.config.problem import ProblemList
from edgebuild.config.shipped import shipped_targets, shipped_targets_dir
from edgebuild.config.wording import unknown_name

RULES = MergeRules(
    {(("export",), "format"): ("options",), (("runtime",), "name"): ("version", "oldest"), (("package",), "kind"): None}
)
"""What a profile does not inherit when it chooses another format, runtime or kind of package than its parent."""


@dataclass(frozen=True)
class Profile:
    """A merged profile; `complete` is False where an inherited part could not be read."""

    merged: Located
    complete: bool


@dataclass(frozen=True)
class _Step:
    """One file of a chain of `extends:`, as it is named and as it lies on disk."""

    shown: str
    file: Path


def resolve_file(file: Path, label: str, problems: ProblemList) -> Profile | None:
    """Read a profile and everything it extends."""
    return _resolve_file(file, label, (_Step(label, file.resolve()),), problems)


def resolve_reference(reference: Located, folder: Path, problems: ProblemList) -> Profile | None:
    """Resolve one entry of `targets:`: a shipped name, a path relative to `folder`, or a mapping with `extends:`."""
    if isinstance(reference.value, dict):
        return _extend(reference, folder, (), problems)
    found = _find(reference, folder, problems)
    return None if found is None else _resolve_file(found.file, found.shown, (found,), problems)


def _resolve_file(file: Path, label: str, chain: tuple[_Step, ...], problems: ProblemList) -> Profile | None:
    document = read_document(file, problems, label)
    return None if document is None else _extend(document, file.parent, chain, problems)


def _extend(document: Located, folder: Path, chain: tuple[_Step, ...], problems: ProblemList) -> Profile:
    parent = document.child("extends")
    own = document.without("extends")
    if parent is None:
        return Profile(own, complete=True)
    found = _find(parent, folder, problems)
    if found is None:
        return Profile(own, complete=False)
    if any(found.file == step.file for step in chain):
        shown = " -> ".join([*(step.shown for step in chain), found.shown])
        problems.add(parent.problem(f"profiles extend each other in a circle: {shown}"))
        return Profile(own, complete=False)
    base = _resolve_file(found.file, found.shown, (*chain, found), problems)
    if base is None:
        return Profile(own, complete=False)
    return Profile(merge(base.merged, own, RULES), base.complete)


def _find(reference: Located, folder: Path, problems: ProblemList) -> _Step | None:
    """The file that a shipped name or a path means; a path is relative to the file that names it."""
    name = reference.value
    if not isinstance(name, str):
        message = f"expected the name of a shipped profile or a path, found {describe_value(reference)}"
        problems.add(reference.problem(message))
        return None
    if not is_path(name):
        if name in shipped_targets():
            return shipped_profile(name)
        problems.add(reference.problem(unknown_name("target", name, shipped_targets()) + _own_file_hint(name, folder)))
        return None
    path = Path(reference.source.label).parent / name
    file = folder / name
    if not file.is_file():
        kind = "is a folder, expected a profile" if file.is_dir() else "no such file"
        problems.add(reference.problem(f"{kind}: {file_label(path)}"))
        return None
    return _Step(file_label(path), file.resolve())


def shipped_profile(name: str) -> _Step:
    """The file of a shipped profile, and what messages call it."""
    file = shipped_targets_dir() / f"{name}.yaml"
    inside = file.resolve().is_relative_to(Path.cwd())
    return _Step(file_label(file.resolve()) if inside else f"<shipped>/{name}.yaml", file.resolve())


def is_path(reference: str) -> bool:
    """Whether a reference is a path rather than the name of something shipped."""
    return "/" in reference or reference.endswith((".yaml", ".yml"))


def _own_file_hint(name: str, folder: Path) -> str:
    candidates = (f"{name}.yaml", f"targets/{name}.yaml")
    found = [candidate for candidate in candidates if (folder / candidate).is_file()]
    return f"; for your own profile write ./{found[0]}" if found else ""
