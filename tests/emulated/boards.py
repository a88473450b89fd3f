"""What the tests of emulated microcontrollers share: the boards, the model by hand, samples."""

from __future__ import annotations

import random
from pathlib import Path

from edgebuild.config.device import Device
from edgebuild.config.read_device import load_device

ROOT = Path(__file__).resolve().parents[2]
FIXTURE = Path(__file__).parent / "fixture"

CORES = ("cortex-m0plus", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55", "rv32imc")


def board(core: str) -> Device:
    return load_device(f"{core}-emulated", ROOT)


def model() -> dict[str, str]:
    return {name: (FIXTURE / name).read_text() for name in ("model.c", "model.h")}


def changed(old: str, new: str) -> dict[str, str]:
    """The model by hand with another text in its source."""
    sources = model()
    assert sources["model.c"].count(old) == 1, f"{old!r} does not stand once in the fixture"
    return sources | {"model.c": sources["model.c"].replace(old, new)}


def samples(count: int, seed: int = 1) -> list[list[bytes]]:
    numbers = random.Random(seed)
    return [[numbers.randbytes(64), numbers.randbytes(16)] for _ in range(count)]


def expected(sample: list[bytes]) -> bytes:
    """What the model by hand computes, in Python."""
    a, b = ([value - 256 if value > 127 else value for value in part] for part in sample)
    hidden = [max(-128, min(127, sum(a[4 * i : 4 * i + 4]) + b[i])) for i in range(16)]
    rows = _weights()
    outputs = [max(-128, min(127, (128 + sum(w * h for w, h in zip(row, hidden, strict=True))) >> 8)) for row in rows]
    return bytes(value & 255 for value in outputs)


def _weights() -> list[list[int]]:
    text = (FIXTURE / "model.c").read_text()
    table = text.partition("weights[10][16] = {")[2].partition("};")[0]
    return [[int(word) for word in line.strip(" {},").split(",")] for line in table.splitlines() if "{" in line]
