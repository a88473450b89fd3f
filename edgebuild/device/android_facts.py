"""What Android tells besides Linux: which device it is, how warm its parts are, and whether it slows down for that.

Android's thermal service keeps what vendors' sensors say (`android.os.Temperature`); many devices do not let the shell
read the kernel's own.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

PARTS: Mapping[str, str] = MappingProxyType({"0": "cpu", "2": "battery", "3": "skin"})
"""`mType` of a temperature -> the part; the others are of no use here."""
_BY_NAME: Mapping[str, str] = MappingProxyType({"TYPE_CPU": "cpu", "TYPE_BATTERY": "battery", "TYPE_SKIN": "skin"})
"""Some vendors number them otherwise, and give the part as the name."""
_CPU_ZONE = re.compile(r"cpu|\bbig\b|\blittle\b|\bmid\b|soc", re.IGNORECASE)
"""Names of the kernel's zones that are of processor cores; others may not even be temperatures."""
_CURRENT, _COOLING = "Current temperatures from HAL", "Current cooling devices from HAL"
_PLAUSIBLE = (-40.0, 150.0)
"""Degrees; sensors that are not there say -99.9 and the like."""


def read_android_facts(
    told: Mapping[str, Sequence[str]], zones: Iterable[tuple[str, str]], service: Sequence[str]
) -> dict[str, str]:
    """Properties of an Android device: `android`, and where it tells `board`, `soc`, temperatures, `thermal_status`.

    Args:
        told: name -> values of what the script printed, Android's own properties among them.
        zones: (name, temperature) of the kernel's thermal zones.
        service: lines of `dumpsys thermalservice`; empty where it has none (before Android 10).
    """
    facts = {
        "android": "".join(told["ro.build.version.release"][:1]),
        "board": " ".join([*told["ro.product.manufacturer"][:1], *told["ro.product.model"][:1]]),
        "soc": " ".join([*told["ro.soc.manufacturer"][:1], *told["ro.soc.model"][:1]]),
        **_thermal_state(service),
    }
    if "temperature_millicelsius" not in facts:
        cores = [int(value) for name, value in zones if _CPU_ZONE.search(name) and value.lstrip("-").isdigit()]
        facts["temperature_millicelsius"] = str(max(cores)) if cores else ""
    return {name: value for name, value in facts.items() if value}


def _thermal_state(lines: Sequence[str]) -> dict[str, str]:
    """The status, and the highest temperature of each part, of what the service measured when it was asked."""
    found: dict[str, list[float]] = {"cpu": [], "battery": [], "skin": []}
    state, current = {}, False
    for line in lines:
        if status := re.match(r"Thermal Status: (\d+)", line):
            state["thermal_status"] = status.group(1)
        if line.startswith((_CURRENT, _COOLING)):
            current = line.startswith(_CURRENT)
        fields = dict(re.findall(r"(m\w+)=([^,}]*)", line))
        if current and {"mValue", "mType", "mName"} <= fields.keys():
            part = _BY_NAME.get(fields["mName"], PARTS.get(fields["mType"], ""))
            degrees = _degrees(fields["mValue"])
            if part and degrees is not None:
                found[part].append(degrees)
    names = {"cpu": "temperature", "battery": "battery", "skin": "skin"}
    temperatures = {
        f"{names[part]}_millicelsius": str(round(1000 * max(values))) for part, values in found.items() if values
    }
    return state | temperatures


def _degrees(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if _PLAUSIBLE[0] < value < _PLAUSIBLE[1] else None
