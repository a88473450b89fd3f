"""Finding the exported file that a path means, and reading all there is to know about it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgebuild.check.accelerators.accelerator import Accelerator, AcceleratorReport, JudgeRequest
from edgebuild.check.census.model import Census
from edgebuild.check.summary import census_summary
from edgebuild.config.registries import ACCELERATORS, CENSUSES
from edgebuild.errors import ConfigError

_SHOWN = 4
_DEEPEST = 4
"""`src/main/assets/model.pte` and one more."""
_RECORDS = ("export.json", "manifest.json")
"""What an artifact folder may hold beside its file; `export.json` names the file."""


@dataclass(frozen=True)
class Inspection:
    """One exported file.

    Attributes:
        path: as the user gave it.
        census: everything in the file.
        summary: `edgebuild.check.summary.census_summary`.
        records: name -> content of the records that lie beside the file.
    """

    path: Path
    census: Census
    summary: dict[str, Any]
    records: dict[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values: every tensor and operation, the summary, and the records beside the file."""
        return {
            "path": str(self.path),
            "summary": self.summary,
            "census": self.census.to_json(),
            "records": self.records,
        }


def inspect_file(path: Path) -> Inspection:
    """Read the file at `path`, or the exported file in the artifact folder `path`.

    Raises:
        ConfigError: there is no such file, its suffix is not known, or the folder holds no exported file.
    """
    file = exported_file(path)
    suffix = file.suffix.removeprefix(".")
    if suffix not in CENSUSES:
        msg = f"{file}: {_called(file)} cannot be inspected; known: {_known()}"
        raise ConfigError(msg)
    census = CENSUSES.get(suffix).read(file)
    return Inspection(path, census, census_summary(census), _records(file.parent, file.name))


def judge_files(paths: Sequence[Path], accelerator: str) -> AcceleratorReport:
    """What an accelerator would make of a file, or of several that are compiled to share it, in this order.

    Raises:
        ConfigError: there is no such file or accelerator, or files cannot share it.
    """
    chosen: Accelerator = ACCELERATORS.get(accelerator)
    requests = [JudgeRequest(exported_file(path)) for path in paths]
    if len(requests) == 1:
        return chosen.judge(requests[0])
    if chosen.together is None:
        msg = f"{accelerator}: found {len(requests)} files, expected one: its compiler takes models one by one"
        raise ConfigError(msg, remedy="inspect them one by one")
    return chosen.together(requests)


def exported_file(path: Path) -> Path:
    """The file at `path`, or the exported file in the artifact folder `path`.

    Raises:
        ConfigError: there is no such file, or the folder holds no exported file or several.
    """
    file = _file_in(path) if path.is_dir() else path
    if not file.is_file():
        msg = f"{path}: no such file or artifact folder"
        raise ConfigError(msg, remedy="name an exported file, or an artifact folder that holds one")
    return file


def _file_in(folder: Path) -> Path:
    """The exported file of an artifact folder: the one that export.json or manifest.json names, or the only one.

    A package for an app keeps it some folders down: the first level that has any counts.
    """
    record, manifest = folder / "export.json", folder / "manifest.json"
    if record.is_file():
        return folder / str(_read_json(record).get("file", ""))
    named = _read_json(manifest).get("interface") if manifest.is_file() else None
    if isinstance(named, dict) and (folder / str(named.get("file"))).is_file():
        return folder / str(named["file"])
    levels = (folder.glob("*/" * depth + "*") for depth in range(_DEEPEST + 1))
    found = (sorted(file for file in level if file.suffix.removeprefix(".") in CENSUSES) for level in levels)
    files = next((level for level in found if level), [])
    if not files:
        msg = f"{folder}: found no exported file in it; expected one ending in {_known()}"
        raise ConfigError(msg, remedy="name an exported file, or a folder that `edgebuild build` delivered to")
    if len(files) > 1:
        shown = ", ".join(file.relative_to(folder).as_posix() for file in files[:_SHOWN])
        more = ", …" if len(files) > _SHOWN else ""
        msg = f"{folder}: found {len(files)} exported files in it, expected one: {shown}{more}"
        raise ConfigError(msg, remedy="name the file itself")
    return files[0]


def _records(folder: Path, file_name: str) -> dict[str, Any]:
    found = {name: _read_json(folder / name) for name in _RECORDS if (folder / name).is_file()}
    export = found.get("export.json")
    if export is not None and export.get("file") != file_name:
        del found["export.json"]
    return found


def _read_json(path: Path) -> dict[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        msg = f"{path}: cannot be read as JSON: {error}"
        raise ConfigError(msg) from error
    if not isinstance(content, dict):
        msg = f"{path}: expected a JSON object, found {type(content).__name__}"
        raise ConfigError(msg)
    return content


def _called(file: Path) -> str:
    return f"a file ending in {file.suffix}" if file.suffix else "a file without a suffix"


def _known() -> str:
    return ", ".join(f".{name}" for name in CENSUSES.names())
