"""Running Vela, and reading the two tables that it writes."""

from __future__ import annotations

import csv
import shutil
import subprocess
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from edgebuild.check.accelerators.ethos_u.configurations import CONFIG_FILE, Configuration
from edgebuild.errors import ToolError
from edgebuild.runtime.vela_install import COMMAND, ENVIRONMENT, VERSION

SECONDS = 300.0
_KIB = 1024
_COMPILED = {".tflite": "_vela.tflite", ".tosa": "_vela.npz"}
"""Suffix of what Vela compiles -> of what it makes: a file like the one given, or the raw parts of a delegate."""


@dataclass(frozen=True)
class LayerCost:
    """One operation of the accelerator as Vela lists it: cycles, multiply-accumulates, share of its peak rate."""

    name: str
    operation: str
    target: str
    cycles: int
    macs: int
    utilization: float


@dataclass(frozen=True)
class VelaResult:
    """What Vela made of a file.

    Attributes:
        configuration: what it was compiled for.
        clock_hz: of the accelerator in this system configuration.
        cycles: of one inference, as Vela estimates.
        milliseconds: of one inference, as Vela estimates.
        sram, dram, flash: bytes.
        layers: in the order of execution.
        file: the compiled file, in the folder it was asked for.
    """

    configuration: Configuration
    clock_hz: float
    cycles: int
    milliseconds: float
    sram: int
    dram: int
    flash: int
    layers: tuple[LayerCost, ...]
    file: str

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


def vela_version() -> str | None:
    """Version of the installed Vela; None where there is none."""
    return VERSION if ENVIRONMENT.python.exists() else None


def run_vela(file: Path, configuration: Configuration, output: Path) -> VelaResult:
    """Compile `file` into the folder `output` (`<stem>_vela.tflite`, `.npz` of a TOSA graph), and read Vela's figures.

    Raises:
        ToolError: Vela is not installed, refuses the file, or takes too long.
    """
    if not ENVIRONMENT.python.exists():
        msg = f"Vela {VERSION} is not installed: {ENVIRONMENT.python} is missing"
        raise ToolError(msg, remedy=COMMAND)
    with tempfile.TemporaryDirectory(prefix="edgebuild-vela-") as scratch:
        folder = Path(scratch)
        _run(file, configuration, folder)
        summaries = sorted(folder.glob("*_summary_*.csv"))
        layers = sorted(folder.glob("*_per-layer.csv"))
        compiled = folder / f"{file.stem}{_COMPILED[file.suffix]}"
        if not summaries or not layers or not compiled.is_file():
            found = ", ".join(sorted(path.name for path in folder.iterdir())) or "nothing"
            msg = f"Vela {VERSION} wrote {found} for {file.name}, expected a summary, layers and {compiled.name}"
            raise ToolError(msg, remedy=f"install it again: {COMMAND}")
        shutil.copyfile(compiled, output / compiled.name)
        return _result(_rows(summaries[0])[0], _rows(layers[0]), configuration, compiled.name)


def _run(file: Path, configuration: Configuration, folder: Path) -> None:
    command = [
        *(str(ENVIRONMENT.python), "-m", "ethosu.vela", str(file), "--output-dir", str(folder)),
        *("--accelerator-config", configuration.accelerator, "--config", CONFIG_FILE),
        *("--system-config", configuration.system, "--memory-mode", configuration.mode, "--verbose-performance"),
        *(("--output-format=raw",) if file.suffix == ".tosa" else ()),
    ]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, errors="replace", timeout=SECONDS, check=False, cwd=folder
        )
    except subprocess.TimeoutExpired:
        msg = f"Vela took more than {SECONDS:g} s for {file.name} and was ended"
        raise ToolError(msg, remedy="the model may be too large for it: prune or cut it") from None
    if done.returncode != 0:
        lines = [line.strip() for line in (done.stdout + done.stderr).splitlines() if line.strip()]
        said = next((line for line in lines if line.startswith("Error")), lines[-1] if lines else "nothing")
        msg = f"Vela {VERSION} does not compile {file.name} for {configuration.accelerator}; it said: {said}"
        raise ToolError(msg, remedy="it takes full-integer .tflite files: export with dtype: int8")


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def _result(summary: dict[str, str], rows: list[dict[str, str]], configuration: Configuration, file: str) -> VelaResult:
    try:
        flash = float(summary["on_chip_flash_memory_used"]) + float(summary["off_chip_flash_memory_used"])
        return VelaResult(
            configuration=configuration,
            clock_hz=float(summary["core_clock"]),
            cycles=round(float(summary["cycles_total"])),
            milliseconds=1000 * float(summary["inference_time"]),
            sram=round(float(summary["sram_memory_used"]) * _KIB),
            dram=round(float(summary["dram_memory_used"]) * _KIB),
            flash=round(flash * _KIB),
            layers=tuple(_layer(row) for row in rows),
            file=file,
        )
    except (KeyError, ValueError) as error:
        msg = f"Vela {VERSION} wrote tables of another form than expected: {type(error).__name__} {error}"
        raise ToolError(msg, remedy=f"install it again: {COMMAND}") from error


def _layer(row: dict[str, str]) -> LayerCost:
    return LayerCost(
        name=row["Name"].strip(),
        operation=row["NNG Operator"].strip(),
        target=row["Target"].strip(),
        cycles=round(float(row["Op Cycles"])),
        macs=round(float(row["MAC Count"])),
        utilization=float(row["Util% (MAC)"]),
    )
