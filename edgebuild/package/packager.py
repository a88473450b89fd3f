"""A packager: lays out what an app or firmware developer takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import Field, ValidationError

from edgebuild.config.parameters import Parameters
from edgebuild.errors import ConfigError

P = TypeVar("P", bound=Parameters)


class PackageOptions(Parameters):
    """What a profile may say beside `kind`, for every layout of ours."""

    container: bool = Field(
        default=False,
        description="also the file packed for shipping (.ebz), with the decoder's source; a second figure: ship_size",
    )


@dataclass(frozen=True)
class PackageRequest:
    """What a packager gets to work with.

    Attributes:
        export: export folder: export.json and the file it names.
        labels: names of the classes in the order of the scores; empty where there are none.
        manifest: what the builder knows of this artifact, plain JSON values; `manifest.json` is this and more.
            Packagers read `project` (a name for symbols) and `normalization` (input -> scale, mean, std), both optional
        options: keys of the profile's `package:` besides `kind`.
        output: empty folder to fill.
        device: what the run on the target's device left, where there was one: of a compiled model, the library with
            the kernels that were chosen there.
        compiled: files that the compiler of the target's accelerator made of the exported one.
    """

    export: Path
    labels: tuple[str, ...]
    manifest: Mapping[str, Any]
    options: Mapping[str, Any]
    output: Path
    device: Path | None = None
    compiled: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Packager:
    """One layout; registered in PACKAGERS under its name in a profile: `plain`, `android`, `linux`, `microcontroller`.

    Attributes:
        title: one line for docs.
        version: raise it when the same request gives another folder.
        run: fills `request.output`; the same request gives the same bytes.
        options: the typed table of what a profile may say beside `kind`.
        runtimes: names of those that run what is taken, besides the profile's own.
    """

    title: str
    version: int
    run: Callable[[PackageRequest], None]
    options: type[Parameters] = PackageOptions
    runtimes: tuple[str, ...] = ()


def read_options(request: PackageRequest, table: type[P]) -> P:
    """Return the request's options as `table`.

    Raises:
        ConfigError: an option is unknown or out of bounds.
    """
    try:
        return table.model_validate(dict(request.options))
    except ValidationError as error:
        first = error.errors()[0]
        msg = f"package.{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
        known = ", ".join(sorted(table.model_fields)) or "none"
        raise ConfigError(msg, remedy=f"options of this kind of package: {known}") from None
