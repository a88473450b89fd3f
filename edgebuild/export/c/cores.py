"""The cores the compiler knows: which kernels each may run, and how its code is compiled."""

from __future__ import annotations

import difflib
from dataclasses import dataclass

from edgebuild.errors import ConfigError


@dataclass(frozen=True)
class Core:
    """One kind of core.

    Attributes:
        features: what a kernel may need: `dsp` (two 16-bit multiplications per instruction), `helium` (vectors of 16).
        flags: for the C compiler.
        compiler: its program.
    """

    name: str
    features: frozenset[str]
    flags: tuple[str, ...]
    compiler: str = "arm-none-eabi-gcc"


def _arm(name: str, *features: str, floating: str = "-mfloat-abi=soft") -> Core:
    return Core(name, frozenset(features), (f"-mcpu={name}", "-mthumb", *floating.split()))


_HARD = "-mfloat-abi=hard -mfpu="

CORES = {
    core.name: core
    for core in (
        Core("generic", frozenset(), (), "gcc"),
        _arm("cortex-m0plus"),
        _arm("cortex-m3"),
        _arm("cortex-m4", "dsp", floating=f"{_HARD}fpv4-sp-d16"),
        _arm("cortex-m7", "dsp", floating=f"{_HARD}fpv5-d16"),
        _arm("cortex-m33", "dsp", floating=f"{_HARD}fpv5-sp-d16"),
        _arm("cortex-m55", "dsp", "helium", floating=f"{_HARD}auto"),
        Core("rv32imc", frozenset(), ("-march=rv32imc", "-mabi=ilp32"), "riscv64-unknown-elf-gcc"),
    )
}


def find_core(name: str) -> Core:
    """Return the core called `name`.

    Raises:
        ConfigError: the compiler does not know it; the message lists all.
    """
    if name not in CORES:
        near = difflib.get_close_matches(name, CORES, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        msg = f"unknown core {name!r}{hint} Known: {', '.join(sorted(CORES))}"
        raise ConfigError(msg)
    return CORES[name]
