"""The names that Vela knows: accelerators, system configurations, memory modes; and what is usual for each accelerator.

Source: the `Arm/vela.ini` of Vela 5.1.0.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from edgebuild.errors import ConfigError

CONFIG_FILE = "Arm/vela.ini"
_MODES = (
    "Sram_Only",
    "Shared_Sram",
    "Dedicated_Sram",
    "Dedicated_Sram_256KB",
    "Dedicated_Sram_384KB",
    "Dedicated_Sram_512KB",
)


@dataclass(frozen=True)
class Family:
    """One generation of the accelerator: its system configurations and memory modes, the usual ones first."""

    systems: tuple[str, ...]
    modes: tuple[str, ...]


_U55 = Family(("Ethos_U55_High_End_Embedded", "Ethos_U55_Deep_Embedded"), ("Shared_Sram", "Sram_Only"))
_U65 = Family(
    ("Ethos_U65_High_End", "Ethos_U65_Embedded", "Ethos_U65_Mid_End", "Ethos_U65_Client_Server"),
    ("Dedicated_Sram", *(mode for mode in _MODES if mode != "Dedicated_Sram")),
)
_U85 = Family(
    (
        "Ethos_U85_SYS_DRAM_Mid",
        "Ethos_U85_SYS_Flash_Low",
        "Ethos_U85_SYS_Flash_High",
        "Ethos_U85_SYS_DRAM_Low",
        "Ethos_U85_SYS_DRAM_High",
    ),
    ("Dedicated_Sram_384KB", *(mode for mode in _MODES if mode != "Dedicated_Sram_384KB")),
)
FAMILIES: Mapping[str, Family] = {
    "ethos-u55-128": _U55,
    "ethos-u55-256": _U55,
    "ethos-u65-256": _U65,
    "ethos-u85-256": _U85,
}
"""Accelerator, as profiles and Vela call it -> its family."""


@dataclass(frozen=True)
class Configuration:
    """What Vela compiles for."""

    accelerator: str
    system: str
    mode: str


def configuration_of(accelerator: str, hardware: Mapping[str, Any]) -> Configuration:
    """The configuration that a profile's `hardware:` asks for; what it leaves out is the usual.

    Raises:
        ConfigError: Vela has no system configuration or memory mode of that name for this accelerator.
    """
    family = FAMILIES[accelerator]
    system = _known("system_config", hardware.get("system_config"), family.systems, accelerator)
    mode = _known("memory_mode", hardware.get("memory_mode"), family.modes, accelerator)
    return Configuration(accelerator, system, mode)


def _known(key: str, name: str | None, names: Sequence[str], accelerator: str) -> str:
    if name is None:
        return names[0]
    if name in names:
        return name
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    msg = f"hardware.{key}: Vela has no {name!r} for {accelerator}{hint}"
    raise ConfigError(msg, remedy=f"use one of: {', '.join(names)}")
