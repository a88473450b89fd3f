"""The decoder in C that goes with a container."""

from __future__ import annotations

from pathlib import Path

NATIVE = Path(__file__).parent / "native"
DECODER = NATIVE / "unpack.c"
HEADER = NATIVE / "unpack.h"
