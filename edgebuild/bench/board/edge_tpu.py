"""Files that `edgetpu_compiler` made: how they are told, what runs them, and the file that they were made from.

Never run on an Edge TPU: none was attached when this was written.
"""

from __future__ import annotations

from pathlib import Path

from edgebuild.check.accelerators.compiled import EDGE_TPU
from edgebuild.check.census.tflite import read_structure

DELEGATE = "libedgetpu.so.1"
"""The shared library of Coral's runtime, by the name that its packages and pycoral use."""
REMEDY = (
    "attach the Edge TPU to the device and install its runtime there (Coral's libedgetpu1-std), with a "
    "tflite-runtime that fits it"
)
_SUFFIX = "_edgetpu"


def is_compiled(file: Path) -> bool:
    """Whether a .tflite file has a part that only an Edge TPU runs.

    Raises:
        ConfigError: the file is damaged.
    """
    return file.suffix == ".tflite" and any(one.name == EDGE_TPU for one in read_structure(file).operations)


def source_of(file: Path) -> Path | None:
    """The file beside it that it was compiled from, by the compiler's own naming; None where that is not there."""
    source = file.with_name(f"{file.stem.removesuffix(_SUFFIX)}.tflite")
    return source if file.stem.endswith(_SUFFIX) and source.is_file() else None
