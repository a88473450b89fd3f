"""Cycles of each kind of instruction on each core where memory never waits, and what real parts add to that.

The costs are those of the cores' public tables. Arm publishes none for the Cortex-M7 and M33, Espressif none for the
ESP32-C3: what is used instead is said beside it. What memory, caches, prefetching and issuing two instructions at once
do to the sum is one factor, fitted to results of MLPerf Tiny for three parts (`benchmarks/cycle_model.py` does it
again) and widened for other parts with the same cores; for the other cores no published run fits: a wide guess.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class CycleCosts:
    """Cycles per instruction.

    Attributes:
        load, next_load: a load, and one that directly follows another load.
        block_base, block_word: of an instruction that moves several words, and per word.
        branch_taken, branch_not_taken: of a conditional branch.
        loop_end: of the branch that ends a low-overhead loop.
        jump, call, indirect: of the others.
        vector: of a 128-bit instruction that follows one which needs the same unit.
        vector_overlapped: of one that follows one of the other unit (memory, arithmetic).
        source: where the numbers are from.
    """

    alu: float = 1
    multiply: float = 1
    multiply_long: float = 1
    divide: float = 7
    load: float = 2
    next_load: float = 1
    store: float = 1
    block_base: float = 1
    block_word: float = 1
    branch_taken: float = 3
    branch_not_taken: float = 1
    loop_end: float = 1
    jump: float = 3
    call: float = 3
    indirect: float = 3
    float_: float = 1
    vector: float = 2
    vector_overlapped: float = 1
    source: str = ""


_M4 = "Cortex-M4 Technical Reference Manual, instruction set summary; a refill of the pipeline counted as 2"

COSTS: Mapping[str, CycleCosts] = MappingProxyType(
    {
        "cortex-m0plus": CycleCosts(
            next_load=2,
            store=2,
            branch_taken=2,
            jump=2,
            call=3,
            indirect=2,
            source="Cortex-M0+ Technical Reference Manual, instruction set summary; multiplier of one cycle",
        ),
        "cortex-m3": CycleCosts(
            multiply=1.5,
            multiply_long=4,
            source="Cortex-M3 Technical Reference Manual, instruction set summary; ranges at their middle",
        ),
        "cortex-m4": CycleCosts(source=_M4),
        "cortex-m7": CycleCosts(source=f"{_M4}, for want of a table of the M7"),
        "cortex-m33": CycleCosts(source=f"{_M4}, for want of a table of the M33"),
        "cortex-m55": CycleCosts(
            branch_taken=2,
            jump=2,
            call=2,
            indirect=3,
            source="scalar: as the M4, taken branches 2; Helium: two beats a cycle, overlapped where units differ",
        ),
        "rv32imc": CycleCosts(
            multiply_long=2,
            divide=10,
            next_load=2,
            indirect=3,
            source="a four-stage in-order core, for want of a table of the ESP32-C3",
        ),
    }
)
"""Core -> costs."""


@dataclass(frozen=True)
class SystemFactor:
    """Cycles on real parts divided by the sum of the costs.

    Attributes:
        low, middle, high: of the interval.
        confidence: share of published rows that the interval is meant to hold; None where there are no such rows.
        source: what it was fitted to.
    """

    low: float
    middle: float
    high: float
    confidence: float | None
    source: str


_ROWS = "MLPerf Tiny v0.5 to v1.2"
_SAME_ENGINES = f"against STM32L4R5 with the same engines, 21 rows, {_ROWS}"

PART_FACTORS: Mapping[str, SystemFactor] = MappingProxyType(
    {
        "stm32l4r5": SystemFactor(1.15, 1.29, 1.50, 0.9, f"STM32L4R5 with CMSIS-NN, 3 models, {_ROWS}"),
        "stm32h7a3": SystemFactor(0.64, 0.75, 0.93, 0.9, f"STM32H7A3 {_SAME_ENGINES}"),
        "stm32u575": SystemFactor(0.95, 1.10, 1.32, 0.9, f"STM32U575 {_SAME_ENGINES}"),
    }
)
"""Part, as profiles for it are named -> factor; that of the STM32L4R5 is the base of the others."""

FACTORS: Mapping[str, SystemFactor] = MappingProxyType(
    {
        "cortex-m0plus": SystemFactor(1.0, 1.3, 2.0, None, "uncalibrated"),
        "cortex-m3": SystemFactor(1.0, 1.3, 1.9, None, "uncalibrated"),
        "cortex-m4": SystemFactor(1.15, 1.45, 1.95, None, f"from STM32L4R5 to PSoC 62, {_ROWS}"),
        "cortex-m7": SystemFactor(0.62, 0.75, 0.98, None, f"from STM32H7A3 to STM32F746, {_ROWS}"),
        "cortex-m33": SystemFactor(0.95, 1.10, 1.32, 0.9, f"as STM32U575, held against nRF5340, {_ROWS}"),
        "cortex-m55": SystemFactor(0.8, 1.1, 1.6, None, "uncalibrated"),
        "rv32imc": SystemFactor(0.9, 1.2, 1.8, None, "uncalibrated"),
    }
)
"""Core -> factor of a part that is not in PART_FACTORS."""


def factor_of(core: str, part: str | None) -> SystemFactor:
    """The factor of a part, or of its core where nothing was published about the part."""
    return PART_FACTORS.get(part or "", FACTORS[core])
