"""Reading a project, a target or a device; everything wrong with it is raised at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from edgebuild.config.device import Device
from edgebuild.config.document import describe_value, file_label, parse_document, read_document
from edgebuild.config.located import Located, Spot
from edgebuild.config.problem import ProblemList
from edgebuild.config.profile import Profile, is_path, resolve_file, resolve_reference, shipped_profile
from edgebuild.config.project import Project, ProjectFile
from edgebuild.config.read_device import find_device
from edgebuild.config.read_target import read_target
from edgebuild.config.registries import TRANSPORTS
from edgebuild.config.shipped import shipped_targets
from edgebuild.config.target import Target
from edgebuild.config.validate import read_table
from edgebuild.config.wording import unknown_name
from edgebuild.errors import ConfigError

PROJECT_FILE = "edgebuild.yaml"

__all__ = ["PROJECT_FILE", "load_project", "load_target", "project_from_text", "shipped_targets"]


def load_project(path: Path) -> Project:
    """Read a project with all its targets and devices.

    Args:
        path: the project file, or the folder that holds edgebuild.yaml.

    Raises:
        ConfigError: there is no such file, or (InvalidConfigError, with `.problems`) anything is wrong in it, in its
            targets or in its devices.
    """
    file = path / PROJECT_FILE if path.is_dir() else path
    if not file.is_file():
        msg = f"no project file {file_label(file)}"
        raise ConfigError(msg, remedy="go to the project's folder, name it with --project, or run `edgebuild init`")
    problems = ProblemList()
    document = read_document(file, problems)
    return _project(document, file, problems)


def project_from_text(text: str, file: Path) -> Project:
    """Like `load_project`, for a project file that is not written yet.

    Raises:
        InvalidConfigError: anything is wrong with it.
    """
    problems = ProblemList()
    document = parse_document(text, file_label(file), problems)
    return _project(document, file, problems)


def load_target(reference: str, folder: Path | None = None) -> Target:
    """Read one profile: a shipped name, or a path relative to `folder` (default: the working directory).

    Raises:
        ConfigError: there is no such profile, or (InvalidConfigError, with `.problems`) something is wrong with it.
    """
    problems = ProblemList()
    if is_path(reference):
        file = Path(reference) if folder is None else folder / reference
        if not file.is_file():
            msg = f"no profile {file_label(file)}"
            raise ConfigError(msg)
        profile = resolve_file(file, file_label(file), problems)
    elif reference in shipped_targets():
        found = shipped_profile(reference)
        profile = resolve_file(found.file, found.shown, problems)
    else:
        raise ConfigError(unknown_name("target", reference, shipped_targets()))
    target = None if profile is None else read_target(profile, problems)
    problems.raise_if_any()
    assert target is not None, "no target and no problem"
    return target


def _project(document: Located | None, file: Path, problems: ProblemList) -> Project:
    parsed, targets, devices = None, {}, {}
    if document is not None:
        root = file.parent
        expanded = _expand_shorthands(document)
        parsed = read_table(ProjectFile, expanded, problems, context={"root": root})
        for target, profile in _read_targets(document.child("targets"), root, problems):
            targets[target.name] = target
            if target.device is not None:
                reference = profile.merged.child("device") or profile.merged
                device = find_device(target.device, reference, root, problems)
                if device is not None and _fits(device, target, reference, problems):
                    devices[target.device] = device
    problems.raise_if_any()
    assert parsed is not None, "no project and no problem"
    return Project(
        root=file.parent,
        file=file,
        name=parsed.name,
        seed=parsed.seed,
        threads=parsed.threads,
        model=parsed.model,
        data=parsed.data,
        metric=parsed.metric,
        train=parsed.train,
        targets=tuple(targets.values()),
        devices=devices,
    )


def _fits(device: Device, target: Target, at: Located, problems: ProblemList) -> bool:
    """Whether the device runs files of the target's format."""
    formats = TRANSPORTS.get(device.transport).formats
    if not formats or target.export.format in formats:
        return True
    message = (
        f"device {device.name} (transport {device.transport}) runs files of format {', '.join(formats)} only, "
        f"{target.name} exports {target.export.format}; use device: host"
    )
    problems.add(at.problem(message))
    return False


def _read_targets(entries: Located | None, root: Path, problems: ProblemList) -> list[tuple[Target, Profile]]:
    """Every target that could be read; a wrong one leaves its problems."""
    if entries is None or not isinstance(entries.value, list):
        return []
    found: list[tuple[Target, Profile]] = []
    first: dict[str, Spot] = {}
    for entry in entries.value:
        if not isinstance(entry.value, (str, dict)):
            problems.add(entry.problem(f"expected a name, a path or a mapping, found {describe_value(entry)}"))
            continue
        profile = resolve_reference(entry, root, problems)
        if profile is None:
            continue
        name = profile.merged.child("target")
        if name is not None and isinstance(name.value, str):
            if name.value in first:
                problems.add(entry.problem(_twice(name.value, first[name.value])))
                continue
            first[name.value] = entry.value_spot
        target = read_target(profile, problems)
        if target is not None:
            found.append((target, profile))
    return found


def _twice(name: str, first: Spot) -> str:
    return f"the target {name!r} stands already in line {first.line}; give this one another name (target: …)"


def _expand_shorthands(document: Located) -> Located:
    """`metric: accuracy` -> `{name: accuracy}`; one number for `mean` and `std` -> a list of one."""
    values: dict[str, Any] = dict(document.value)
    metric = values.get("metric")
    if metric is not None and isinstance(metric.value, str):
        values["metric"] = metric.with_value({"name": metric})
    data = values.get("data")
    norm = None if data is None else data.child("normalization")
    if data is not None and norm is not None and isinstance(norm.value, dict):
        expanded = {key: _listed(item) if key in ("mean", "std") else item for key, item in norm.value.items()}
        values["data"] = data.with_value({**data.value, "normalization": norm.with_value(expanded)})
    return document.with_value(values)


def _listed(item: Located) -> Located:
    number = isinstance(item.value, (int, float)) and not isinstance(item.value, bool)
    return item.with_value([item]) if number else item
