"""The accelerator `edge-tpu`: Coral's Edge TPU, judged from the file."""

from __future__ import annotations

from edgebuild.check.accelerators.accelerator import Accelerator, JudgeRequest
from edgebuild.check.accelerators.edge_tpu.mapping import COMPILER
from edgebuild.check.accelerators.edge_tpu.report import EdgeTpuReport, report_on
from edgebuild.check.census.tflite import read_structure
from edgebuild.config.registries import ACCELERATORS
from edgebuild.errors import ConfigError

_USUAL_LINK = "usb3"


def judge(request: JudgeRequest) -> EdgeTpuReport:
    """Read a .tflite file and say what the compiler would.

    Raises:
        ConfigError: it is no .tflite file, or a damaged one.
    """
    path = request.file
    if path.suffix != ".tflite":
        msg = f"{path}: the Edge TPU compiler takes .tflite files, found {path.suffix or 'no suffix'}"
        raise ConfigError(msg, remedy="export the model with format: tflite")
    return report_on(read_structure(path), request.hardware.get("link") or _USUAL_LINK)


ACCELERATORS.register("edge-tpu")(
    Accelerator(
        "Coral Edge TPU: what its compiler would map and cache, estimated from the file",
        version=lambda: str(COMPILER),
        judge=judge,
    )
)
