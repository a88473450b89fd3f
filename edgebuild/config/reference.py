"""The Markdown reference of project files, profiles and devices, made from the tables that check them.

`python -m edgebuild.config.reference docs/profile-reference.md` writes it.
"""

from __future__ import annotations

import sys
import types
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from edgebuild.config.data_source import DataSource, ImageReader, Normalization, NpzArrays, NpzReader, NpzValidation
from edgebuild.config.device import Bench, Device, Lease, Power
from edgebuild.config.fields import Address, ExistingFile, ExistingFolder, ExistingPath, FunctionName, Name
from edgebuild.config.project import Metric, ModelSource, ProjectFile, Train
from edgebuild.config.quantity import BYTES, ENERGY, FREQUENCY, POWER, TEMPERATURE, TIME, VOLTAGE, Dimension
from edgebuild.config.registries import (
    ACCELERATORS,
    CORES,
    FORMATS,
    METERS,
    PACKAGERS,
    RUNTIMES,
    STEPS,
    TRANSPORTS,
)
from edgebuild.config.shipped import shipped_targets
from edgebuild.config.target import Budgets, Export, Hardware, Package, RuntimeNeed, Target
from edgebuild.config.wording import bounds_words

_INTRODUCTION = """# Project, profile and device reference

Made from the code by `python -m edgebuild.config.reference docs/profile-reference.md`; do not edit it.
The same facts as JSON Schema, for an editor: `edgebuild targets schema`.

Every value is checked before anything runs, and all that is wrong is told at once, each with file, line and column.
Text is YAML 1.2: `1e-3` is a number, `yes` is text. `${NAME}` in a path stands for an environment variable.
"""

_INHERITANCE = """### Inheriting

`extends:` names a shipped profile ({shipped})
or a path relative to the file that says it. Mappings are merged key by key, lists and everything else are replaced, and
an empty value (`energy:`) removes what was inherited. With another `export.format` the parent's `options` go, with
another `runtime.name` its `version` and `oldest`, with another `package.kind` its options. Without `target:` the name
is inherited too.
"""

_READABLE: dict[Any, str] = {str: "text", int: "whole number", float: "number", bool: "true or false", Any: "anything"}
_NAMED: tuple[tuple[Any, str], ...] = (
    (Address, "an address, like `0x20000000`"),
    (Name, "name"),
    (FunctionName, "`module:function`"),
    (ExistingFile, "file"),
    (ExistingFolder, "folder"),
    (ExistingPath, "file or folder"),
)


def profile_reference() -> str:
    """The whole reference as Markdown."""
    shipped = ", ".join(f"`{name}`" for name in shipped_targets())
    parts = [
        _INTRODUCTION,
        _units(),
        "## The project: `edgebuild.yaml`\n",
        _section("", ProjectFile),
        *[_section(f"`{key}:`", table) for key, table in _PROJECT_SECTIONS],
        "## A profile: `targets/*.yaml`\n",
        _section("", Target),
        _INHERITANCE.format(shipped=shipped),
        *[_section(f"`{key}:`", table) for key, table in _PROFILE_SECTIONS],
        *_registered(),
        "## A device: `devices/*.yaml`\n",
        _section("", Device),
        _section("`lease:`", Lease),
        _section("`bench:`", Bench),
        *[_entry("transport", name, kind.title, kind.parameters) for name, kind in TRANSPORTS.items()],
        _section("`power:`", Power),
        *[_entry("power meter", name, kind.title, kind.parameters) for name, kind in METERS.items()],
    ]
    return "\n".join(part.rstrip("\n") + "\n" for part in parts)


_PROJECT_SECTIONS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("model", ModelSource),
    ("data", DataSource),
    ("data.npz", NpzReader),
    ("data.npz.train", NpzArrays),
    ("data.npz.validation", NpzValidation),
    ("data.images", ImageReader),
    ("data.normalization", Normalization),
    ("metric", Metric),
    ("train", Train),
)
_PROFILE_SECTIONS: tuple[tuple[str, type[BaseModel]], ...] = (
    ("hardware", Hardware),
    ("runtime", RuntimeNeed),
    ("export", Export),
    ("budgets", Budgets),
    ("package", Package),
)


def _units() -> str:
    dimensions = (BYTES, TIME, FREQUENCY, ENERGY, POWER, VOLTAGE, TEMPERATURE)
    rows = [f"| {one.name} | {', '.join(one.units)} | `{one.example}` |" for one in dimensions]
    head = ["## Quantities\n", "A quantity is written with its unit; a bare number is an error.\n"]
    return "\n".join([*head, "| | units | example |", "|---|---|---|", *rows]) + "\n"


def _registered() -> list[str]:
    parts = ["## Steps of a plan\n", "A plan is a list of steps: `plan: [{quantize: {kind: static}}]`.\n"]
    for name, method in STEPS.items():
        for kind, one in method.variants():
            shown = f"{name}: {{kind: {kind}}}" if kind else name
            parts.append(_entry("step", shown, one.title, one.parameters))
    parts.append("## Export formats\n")
    for name, chosen in FORMATS.items():
        parts.append(_entry("format", name, chosen.title, chosen.options))
        rows = [f"| `{dtype}` | {', '.join(f'`{io}`' for io in allowed)} |" for dtype, allowed in chosen.dtypes.items()]
        parts.append("\n".join(["| dtype | io |", "|---|---|", *rows]) + "\n")
    parts.append("## Packages\n")
    parts += [_entry("package", name, packager.title, packager.options) for name, packager in PACKAGERS.items()]
    parts.append("## Runtimes\n")
    rows = [f"| `{name}` | {_cell(runtime.title)} |" for name, runtime in RUNTIMES.items()]
    parts.append("\n".join(["| name | |", "|---|---|", *rows]) + "\n")
    parts.append("## Accelerators and cores\n")
    rows = [f"| `{name}` | {_cell(accelerator.title)} |" for name, accelerator in ACCELERATORS.items()]
    parts.append("\n".join(["| `hardware.accelerator` | |", "|---|---|", *rows]) + "\n")
    parts.append(f"`hardware.core` is one of {', '.join(f'`{name}`' for name in CORES.names())}.\n")
    return parts


def _entry(kind: str, name: str, title: str, table: type[BaseModel]) -> str:
    head = f"### {kind} `{name}`\n\n{title[:1].upper()}{title[1:]}.\n"
    return f"{head}\n{_table(table)}" if table.model_fields else f"{head}\nNo parameters.\n"


def _section(title: str, table: type[BaseModel]) -> str:
    head = f"### {title}\n\n" if title else ""
    return f"{head}{(table.__doc__ or '').strip()}\n\n{_table(table)}"


def _table(table: type[BaseModel], prefix: str = "") -> str:
    lines = [] if prefix else ["| key | value | default | |", "|---|---|---|---|"]
    for name, info in table.model_fields.items():
        if info.exclude:
            continue
        key = f"{prefix}{info.alias or name}"
        nested = _nested(info.annotation)
        shown = "mapping" if nested else _type(info)
        lines.append(f"| `{key}` | {_cell(shown)} | {_default(info)} | {_cell(info.description or '')} |")
        if nested is not None and not _has_section(nested):
            lines.append(_table(nested, f"{key}.").rstrip("\n"))
    return "\n".join(lines) + "\n"


def _has_section(table: type[BaseModel]) -> bool:
    """Whether a nested table is described in a section of its own."""
    return table in {own for _, own in (*_PROJECT_SECTIONS, *_PROFILE_SECTIONS)} or table in (Lease, Bench)


def _nested(annotation: Any) -> type[BaseModel] | None:
    arms = [arm for arm in get_args(annotation) if arm is not type(None)] if _is_union(annotation) else [annotation]
    only = arms[0] if len(arms) == 1 else None
    return only if isinstance(only, type) and issubclass(only, BaseModel) else None


def _is_union(annotation: Any) -> bool:
    return get_origin(annotation) in (Union, types.UnionType)


def _type(info: FieldInfo) -> str:
    declared = Annotated[info.annotation, *info.metadata] if info.metadata else info.annotation
    return _words(declared)


def _words(annotation: Any) -> str:
    """A type in words: `whole number, at least 1`, `one of adam, sgd`, `list of text`."""
    named = [words for known, words in _NAMED if annotation == known]
    if named:
        return named[0]
    if get_origin(annotation) is Annotated:
        inner, *metadata = get_args(annotation)
        quantities = [item for item in metadata if isinstance(item, Dimension)]
        if quantities:
            return quantities[0].name
        bounds = bounds_words([part for item in metadata for part in _flat(item)])
        return f"{_words(inner)}, {bounds}" if bounds else _words(inner)
    if _is_union(annotation):
        return " or ".join(_words(arm) for arm in get_args(annotation) if arm is not type(None))
    if get_origin(annotation) is Literal:
        choices = [f"`{choice}`" for choice in get_args(annotation)]
        return f"one of {', '.join(choices)}" if len(choices) > 1 else choices[0]
    if get_origin(annotation) is tuple:
        return _tuple_words(get_args(annotation))
    if get_origin(annotation) is dict or annotation is dict:
        return "mapping"
    return _READABLE.get(annotation, str(annotation))


def _tuple_words(arguments: tuple[Any, ...]) -> str:
    if arguments[-1] is Ellipsis:
        return "list" if arguments[0] is Any else f"list of {_words(arguments[0])}"
    return f"list of {len(arguments)}: {_words(arguments[0])}"


def _flat(item: Any) -> list[Any]:
    return list(item.metadata) if isinstance(item, FieldInfo) else [item]


def _default(info: FieldInfo) -> str:
    if info.is_required():
        return "required"
    value = info.get_default(call_default_factory=True)
    if value is None or value is PydanticUndefined or isinstance(value, BaseModel) or value in ((), {}, ""):
        return ""
    dimensions = [item for item in info.metadata if isinstance(item, Dimension)]
    return (
        f"`{dimensions[0].show(value)}`"
        if dimensions
        else f"`{str(value).lower() if value is True or value is False else value}`"
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(profile_reference())
