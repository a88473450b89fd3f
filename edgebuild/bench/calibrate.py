"""From measured times of files to the calibration of a device: what `edgebuild calibrate` does."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from edgebuild.bench.board.fit_corrections import Corrected, fit_corrections
from edgebuild.bench.estimated import file_workload
from edgebuild.config.device import Device
from edgebuild.config.document import file_label
from edgebuild.config.measurements import Measurement, read_measurements
from edgebuild.config.problem import Problem, ProblemList
from edgebuild.config.profile import is_path
from edgebuild.config.read_device import DEVICES, load_device
from edgebuild.config.registries import FORMATS
from edgebuild.config.shipped import shipped_devices_dir
from edgebuild.device.qemu_user import QEMU_USER
from edgebuild.errors import ConfigError
from edgebuild.estimate.predictor.amounts import amounts_of
from edgebuild.estimate.predictor.calibration import Calibration
from edgebuild.estimate.predictor.table import FEWEST, Amounts, Table, bounds_of, cost_of, fit_table
from edgebuild.estimate.predictor.uncalibrated import uncalibrated_table
from edgebuild.output_file import write_output
from edgebuild.progress import ProgressSink, Silent

_SUFFIXES = (".tflite", ".pte")
_MODEL, _MANIFEST = "model", "manifest.json"


@dataclass(frozen=True)
class Network:
    """One measured file: its amounts, and the median of the ms that were given for it."""

    file: Path
    amounts: Amounts
    milliseconds: float


@dataclass(frozen=True)
class HeldOut:
    """How far an estimate was from times that it was not fitted to.

    Attributes:
        error: median of |estimate / time - 1|.
        inside: share of the times in the interval; None where that could not be asked.
        low, high: the interval, as a share of the estimate.
    """

    error: float
    inside: float | None
    low: float
    high: float


@dataclass(frozen=True)
class Calibrated:
    """One fitted table, with the error before and after; `before` is None where nothing is published to begin with."""

    table: Table
    before: HeldOut | None
    after: HeldOut

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        before = vars(self.before) if self.before else None
        return {**self.table.to_json(), "before": before, "after": vars(self.after)}


@dataclass(frozen=True)
class Calibrating:
    """What was fitted, and how good it is: tables for each dtype and number of threads, corrections of an emulation."""

    calibration: Calibration
    tables: tuple[Calibrated, ...]
    corrections: tuple[Corrected, ...]


def calibrate(device: Device, file: Path, root: Path, progress: ProgressSink | None = None) -> Calibrating:
    """Fit a table for each dtype and number of threads in `file`; an emulated device's estimates are corrected too.

    Args:
        device: what was measured.
        file: a table of measured times (`edgebuild.config.measurements`).
        root: folder of the project whose targets can be named.
        progress: where to report; nowhere by default.

    Raises:
        ConfigError: (InvalidConfigError, with `.problems`) something in the file is wrong.
        DeviceError: the emulated device could not run a file.
        ToolError: something that emulating needs is missing.
    """
    problems = ProblemList()
    rows = read_measurements(file, known_dtypes(), problems)
    groups = _groups(rows, file, root, problems)
    problems.raise_if_any()
    done = tuple(_calibrated(networks, dtype, threads) for (dtype, threads), networks in sorted(groups.items()))
    corrections: list[Corrected] = []
    if device.transport == QEMU_USER:
        times = {(one.file, threads): one.milliseconds for (_, threads), networks in groups.items() for one in networks}
        corrections = fit_corrections(device, times, progress or Silent())
    digest = hashlib.sha256(file.read_bytes()).hexdigest()[:12]
    fitted = Calibration(
        device.name,
        f"{file.name} {digest}",
        tuple(one.table for one in done),
        tuple(one.correction for one in corrections),
    )
    return Calibrating(fitted, done, tuple(corrections))


def known_dtypes() -> list[str]:
    """Every dtype of an export format."""
    return sorted({dtype for _, chosen in FORMATS.items() for dtype in chosen.dtypes})


def _groups(
    rows: Sequence[Measurement], file: Path, root: Path, problems: ProblemList
) -> dict[tuple[str, int], list[Network]]:
    times: dict[tuple[str, int], dict[Path, list[float]]] = {}
    amounts: dict[Path, Amounts] = {}
    first: dict[tuple[str, int], Measurement] = {}
    for row in rows:
        path = _path_of(row, file, root, problems)
        if path is None or not _fits(row, path, file, amounts, problems):
            continue
        key = (row.dtype, row.threads)
        first.setdefault(key, row)
        times.setdefault(key, {}).setdefault(path, []).append(row.milliseconds)
    for key, found in times.items():
        if len(found) < FEWEST:
            message = f"{len(found)} measured with {key[0]} and {key[1]} threads; a fit needs {FEWEST} networks"
            problems.add(_problem(file, first[key], _MODEL, message))
    return {
        key: [Network(path, amounts[path], median(values)) for path, values in found.items()]
        for key, found in times.items()
    }


def _problem(file: Path, row: Measurement, column: str, message: str) -> Problem:
    return Problem(file_label(file), row.line, row.columns[column], column, message, row.source_line)


def _path_of(row: Measurement, file: Path, root: Path, problems: ProblemList) -> Path | None:
    """The file that a line names: beside the table, or what a target was built to."""
    if row.model.endswith(_SUFFIXES):
        path = file.parent / row.model
        if path.is_file():
            return path.resolve()
        problems.add(_problem(file, row, _MODEL, f"no such file: {file_label(path)}"))
        return None
    for manifest in sorted((root / "artifacts" / row.model).rglob(_MANIFEST)):
        delivered = _delivered(manifest)
        if delivered is not None:
            return delivered
    message = f"neither a .tflite or .pte file nor a built target: no artifacts/{row.model}/ with such a file"
    problems.add(_problem(file, row, _MODEL, f"{message}; build it, or name its file"))
    return None


def _delivered(manifest: Path) -> Path | None:
    """The file that a package's manifest is about; None where it cannot be read or is of another type."""
    try:
        name = str(json.loads(manifest.read_text(encoding="utf-8"))["interface"]["file"])
    except (ValueError, KeyError, TypeError):
        return None
    file = (manifest.parent / name).resolve()
    return file if name.endswith(_SUFFIXES) and file.is_file() else None


def _fits(row: Measurement, path: Path, file: Path, amounts: dict[Path, Amounts], problems: ProblemList) -> bool:
    """Read a file once; False where it is damaged, or has other numbers in it than the line says."""
    try:
        workload = file_workload(path)
    except ConfigError as error:
        problems.add(_problem(file, row, _MODEL, error.message))
        return False
    if _stored(workload.dtype) != _stored(row.dtype):
        problems.add(
            _problem(file, row, "dtype", f"found {row.dtype}; most weights of {path.name} are {workload.dtype}")
        )
        return False
    amounts[path] = amounts_of(workload)
    return True


def _stored(dtype: str) -> str:
    return dtype.partition("-")[0]


def _calibrated(networks: Sequence[Network], dtype: str, threads: int) -> Calibrated:
    rows, times = [one.amounts for one in networks], [one.milliseconds for one in networks]
    table = fit_table(rows, times, dtype, threads)
    after = HeldOut(table.error, table.coverage, math.exp(table.low), math.exp(table.high))
    return Calibrated(table, _before(rows, times, dtype, threads), after)


def _before(rows: Sequence[Amounts], times: Sequence[float], dtype: str, threads: int) -> HeldOut | None:
    table = uncalibrated_table(dtype, threads)
    if table is None:
        return None
    errors = [math.log(time / cost_of(row, table.costs)) for row, time in zip(rows, times, strict=True)]
    bounds = bounds_of(table)
    inside = sum(bounds.holds(error) for error in errors) / len(errors)
    off = median(abs(math.expm1(-error)) for error in errors)
    return HeldOut(off, inside, math.exp(table.low), math.exp(table.high))


def save_calibration(calibration: Calibration, device: Device, reference: str, root: Path) -> tuple[Path, Path]:
    """Write the calibration beside the device file of the project, and name it there.

    A shipped device is copied into the project first, so that the copy can name it.

    Args:
        calibration: what was fitted.
        device: what was measured.
        reference: how it was named: a path, or a name in the project or among the shipped ones.
        root: folder of the project.

    Returns:
        The calibration, and the device file.

    Raises:
        ConfigError: one of the files cannot be written, or the device file is not written line by line.
        ToolError: the disk is full.
    """
    own = root / reference if is_path(reference) else root / DEVICES / f"{reference}.yaml"
    file = Path(device.calibration) if device.calibration else own.with_name(f"{own.stem}.calibration.json")
    try:
        own.parent.mkdir(exist_ok=True)
        if not own.exists():
            write_output(own, (shipped_devices_dir() / own.name).read_bytes())
        write_output(file, calibration.to_text())
        if device.calibration is None:
            _name_in(own, f"calibration: {file.name}", root)
    except OSError as error:
        msg = f"{error.filename or file}: cannot be written: {error.strerror}"
        raise ConfigError(msg) from error
    return file, own


def _name_in(own: Path, line: str, root: Path) -> None:
    """Add a line to a device file; it is left as it was where the line does not fit into it.

    Raises:
        ConfigError: the line does not fit.
        OSError: the file cannot be written.
    """
    before = own.read_text(encoding="utf-8")
    text = before.rstrip("\n")
    write_output(own, f"{text}\n{line}   # times without a measurement are estimated by it\n")
    try:
        load_device(str(own.resolve()), root)
    except ConfigError as error:
        write_output(own, before)
        msg = f"{file_label(own)}: a line cannot be added to it"
        raise ConfigError(msg, remedy=f"write it there yourself: {line}") from error
