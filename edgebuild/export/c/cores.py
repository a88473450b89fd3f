"""The cores the compiler knows, which profiles are checked by: the kernels each may run, how its code is compiled."""

from __future__ import annotations

from dataclasses import dataclass

from edgebuild.config.registries import CORES


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

for _core in (
    Core("generic", frozenset(), (), "gcc"),
    _arm("cortex-m0plus"),
    _arm("cortex-m3"),
    _arm("cortex-m4", "dsp", floating=f"{_HARD}fpv4-sp-d16"),
    _arm("cortex-m7", "dsp", floating=f"{_HARD}fpv5-d16"),
    _arm("cortex-m33", "dsp", floating=f"{_HARD}fpv5-sp-d16"),
    _arm("cortex-m55", "dsp", "helium", floating=f"{_HARD}auto"),
    Core("rv32imc", frozenset(), ("-march=rv32imc", "-mabi=ilp32"), "riscv64-unknown-elf-gcc"),
):
    CORES.register(_core.name)(_core)


def find_core(name: str) -> Core:
    """Return the core called `name`.

    Raises:
        ConfigError: the compiler does not know it; the message lists all.
    """
    found: Core = CORES.get(name)
    return found
