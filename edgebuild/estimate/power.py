"""Active power of microcontrollers: energy of an inference divided by its latency, as published for MLPerf Tiny.

On these parts active power hardly depends on the model, so that energy is power times time. Headline figures of data
sheets (uA/MHz) are two to four times lower than what boards drew in those runs, and are not used.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class ActivePower:
    """mW of a part while it computes; low and high are the ends of what was published or is claimed."""

    low: float
    middle: float
    high: float
    source: str


def stated_power(milliwatts: float) -> ActivePower:
    """The power that a profile states; its own word, so that the interval of the energy is that of the time."""
    return ActivePower(milliwatts, milliwatts, milliwatts, "active power as the profile states it")


_HOW = "MLPerf Tiny energy / latency of ad, kws and vww"

ACTIVE_POWER: Mapping[str, ActivePower] = MappingProxyType(
    {
        "stm32l4r5": ActivePower(
            33.0, 46.2, 75.4, f"STM32L4R5 at 120 MHz, {_HOW}, 9 submissions v0.5 to v1.3; most run it at 1.8 V"
        ),
        "stm32h7a3": ActivePower(121.5, 141.5, 166.6, f"STM32H7A3 at 280 MHz, {_HOW}, 6 submissions v0.7 to v1.2"),
        "stm32u575": ActivePower(22.6, 25.0, 27.0, f"STM32U575 at 160 MHz, {_HOW}, 5 submissions v0.7 to v1.3"),
        "stm32u385": ActivePower(5.1, 5.3, 5.9, f"STM32U385 at 96 MHz, {_HOW}, 1 submission v1.3"),
        "ra6m4": ActivePower(70.3, 73.0, 75.1, f"RA6M4 at 200 MHz, {_HOW}, 1 submission v0.7"),
    }
)
"""Part, as profiles for it are named -> power; the middle is the median of the rows."""
