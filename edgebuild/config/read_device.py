"""Reading a device file: of the project, or shipped."""

from __future__ import annotations

from pathlib import Path

from edgebuild.config.device import Device
from edgebuild.config.document import file_label, read_document
from edgebuild.config.located import Located
from edgebuild.config.problem import ProblemList
from edgebuild.config.profile import is_path
from edgebuild.config.registries import METERS, TRANSPORTS
from edgebuild.config.shipped import shipped_devices, shipped_devices_dir
from edgebuild.config.validate import read_table
from edgebuild.config.wording import unknown_name
from edgebuild.errors import ConfigError

DEVICES = "devices"


def load_device(reference: str, root: Path) -> Device:
    """Read a device: a path, or a name in `devices/` of the project folder `root` or among the shipped ones.

    Raises:
        ConfigError: there is no such device, or (InvalidConfigError, with `.problems`) its file is wrong.
    """
    found = _locate(reference, root)
    if found is None:
        raise ConfigError(_unknown(reference, root))
    problems = ProblemList()
    device = _read(*found, problems)
    problems.raise_if_any()
    assert device is not None, "no device and no problem"
    return device


def find_device(reference: str, at: Located, root: Path, problems: ProblemList) -> Device | None:
    """Like `load_device`, for the `device:` of a profile, which stands `at` its place."""
    found = _locate(reference, root)
    if found is None:
        problems.add(at.problem(_unknown(reference, root)))
        return None
    return _read(*found, problems)


def _locate(reference: str, root: Path) -> tuple[Path, str] | None:
    """The file and what messages call it."""
    if is_path(reference):
        file = root / reference
        return (file, file_label(file)) if file.is_file() else None
    own = root / DEVICES / f"{reference}.yaml"
    if own.is_file():
        return own, file_label(own)
    if reference in shipped_devices():
        return shipped_devices_dir() / f"{reference}.yaml", f"<shipped>/{DEVICES}/{reference}.yaml"
    return None


def _unknown(reference: str, root: Path) -> str:
    if is_path(reference):
        return f"no such file: {file_label(root / reference)}"
    own = sorted(path.stem for path in (root / DEVICES).glob("*.yaml"))
    return unknown_name("device", reference, sorted({*own, *shipped_devices()}))


def _read(file: Path, label: str, problems: ProblemList) -> Device | None:
    document = read_document(file, problems, label)
    if document is None:
        return None
    device = read_table(Device, document, problems)
    transport = document.child("transport")
    if transport is None or not isinstance(transport.value, str):
        return None
    if transport.value not in TRANSPORTS:
        problems.add(transport.problem(unknown_name("transport", transport.value, TRANSPORTS.names())))
        return None
    options = document.child("options") or document.with_value({})
    checked = read_table(TRANSPORTS.get(transport.value).parameters, options, problems)
    calibration = _calibration(document, file, problems)
    _check_meter(document, problems)
    if device is None or checked is None:
        return None
    plain = checked.model_dump(mode="json", exclude_defaults=True)
    return device.model_copy(update={"options": plain, "calibration": calibration})


def _check_meter(document: Located, problems: ProblemList) -> None:
    """See that a device file names a meter there is, with options that it knows."""
    power = document.child("power")
    meter = power.child("meter") if power is not None else None
    if power is None or meter is None or not isinstance(meter.value, str):
        return
    if meter.value not in METERS:
        problems.add(meter.problem(unknown_name("power meter", meter.value, METERS.names())))
        return
    options = power.child("options") or power.with_value({})
    read_table(METERS.get(meter.value).parameters, options, problems)


def _calibration(document: Located, file: Path, problems: ProblemList) -> str | None:
    """The calibration that a device file names, as a path from here."""
    named = document.child("calibration")
    if named is None or not isinstance(named.value, str):
        return None
    path = file.parent / named.value
    if not path.is_file():
        again = f"take the line out, then `edgebuild calibrate {file.stem} measurements.csv` writes both"
        message = f"no such file: {file_label(path)}; {again}"
        problems.add(named.problem(message))
    return str(path)
