"""The decoder in C that goes with a container, and how large it is on a small device."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

NATIVE = Path(__file__).parent / "native"
DECODER = NATIVE / "unpack.c"
HEADER = NATIVE / "unpack.h"

COMPILED_FOR = "Cortex-M4, gcc -Os"
_COMPILE = ("arm-none-eabi-gcc", "-std=c99", "-mcpu=cortex-m4", "-mthumb", "-Os", "-c")
_SIZE = "arm-none-eabi-size"


def decoder_bytes() -> int | None:
    """Code and constants of the decoder (`COMPILED_FOR`); None where the compiler is not installed or fails."""
    if shutil.which(_COMPILE[0]) is None or shutil.which(_SIZE) is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        compiled = Path(folder) / "unpack.o"
        try:
            subprocess.run([*_COMPILE, DECODER, "-o", compiled], check=True, capture_output=True)
            table = subprocess.run([_SIZE, compiled], check=True, capture_output=True, text=True).stdout
        except subprocess.CalledProcessError:
            return None
    return int(table.splitlines()[1].split()[0])
