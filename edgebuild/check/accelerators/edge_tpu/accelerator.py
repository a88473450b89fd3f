"""The accelerator `edge-tpu`: Coral's Edge TPU, judged from the file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from edgebuild.check.accelerators.accelerator import Accelerator, JudgeRequest
from edgebuild.check.accelerators.compiled import refuse_compiled
from edgebuild.check.accelerators.edge_tpu.compiler import compile_file, compiler_version
from edgebuild.check.accelerators.edge_tpu.mapping import COMPILER
from edgebuild.check.accelerators.edge_tpu.report import EdgeTpuReport, report_on
from edgebuild.check.accelerators.edge_tpu.together import SharedReport, judge_together
from edgebuild.check.census.tflite import read_structure
from edgebuild.config.registries import ACCELERATORS
from edgebuild.errors import ConfigError

_USUAL_LINK = "usb3"
_RULES = 2
"""Raised where the estimates of memory or time change, so that reports in the store are made anew."""


def judge(request: JudgeRequest) -> EdgeTpuReport:
    """Read a .tflite file and say what the compiler would; where it is on PATH and its file is kept, also what it does.

    Raises:
        ConfigError: it is no .tflite file, a damaged one or one that is compiled already.
        ToolError: the compiler failed.
    """
    path = request.file
    _require_tflite(path)
    census = read_structure(path)
    refuse_compiled(census)
    compiled = compile_file(path, request.output) if request.output is not None else None
    return report_on(census, request.hardware.get("link") or _USUAL_LINK, compiled.log if compiled else None)


def together(requests: Sequence[JudgeRequest]) -> SharedReport:
    """Read .tflite files and say what of each stays on the chip if they are compiled together, in this order.

    Raises:
        ConfigError: one is no .tflite file, a damaged one or one that is compiled already.
    """
    for request in requests:
        _require_tflite(request.file)
    return judge_together(requests, requests[0].hardware.get("link") or _USUAL_LINK)


def _require_tflite(path: Path) -> None:
    if path.suffix != ".tflite":
        msg = f"{path}: the Edge TPU compiler takes .tflite files, found {path.suffix or 'no suffix'}"
        raise ConfigError(msg, remedy="export the model with format: tflite")


def version() -> str:
    """Version of the compiler, or of the one whose documented limits are held against the file, and of the rules."""
    found = compiler_version()
    return f"{f'offline, {COMPILER}' if found is None else found}, rules {_RULES}"


ACCELERATORS.register("edge-tpu")(
    Accelerator(
        "Coral Edge TPU: what its compiler would map and cache, estimated from the file",
        version=version,
        judge=judge,
        figures=("on_chip_parameters", "streamed_parameters", "scratch", "latency", "energy"),
        parser=COMPILER,
        together=together,
    )
)
