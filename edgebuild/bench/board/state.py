"""What a device says of heat and clocks that makes times doubtful, or wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from edgebuild.check.finding import Finding

NEAR_CELSIUS = 5.0
"""A device that is as near to where it slows down may have done so between two looks."""
THERMAL_STATUSES: Mapping[str, str] = MappingProxyType(
    {"1": "light", "2": "moderate", "3": "severe", "4": "critical", "5": "emergency", "6": "shutdown"}
)
"""Android's words for its thermal status (`android.os.PowerManager`, THERMAL_STATUS_…); 0 is none."""
_NOW, _SINCE_BOOT = 0xF, 16
"""`get_throttled` of a Raspberry Pi: bits 0 to 3 say what is, 16 to 19 what ever was since it started."""

State = Mapping[str, str]
"""Properties of a transport."""


def celsius(state: State) -> float | None:
    """How hot the device is; None where it does not say."""
    told = state.get("temperature_millicelsius")
    return None if told is None else int(told) / 1000


def slowed_now(state: State) -> list[str]:
    """Why the device runs slower than it could, in the words of whoever slows it down; empty where nobody does."""
    reasons = []
    if int(state.get("throttled", "0x0"), 16) & _NOW:
        reasons.append(f"get_throttled says {state['throttled']}")
    if state.get("thermal_status", "0") != "0":
        status = state["thermal_status"]
        reasons.append(f"Android's thermal status is {THERMAL_STATUSES.get(status, status)}")
    if "cooling" in state:
        reasons.append(f"the kernel cools by {state['cooling']}")
    return reasons


def slowed_down(before: State, after: State) -> list[str]:
    """Why what ran between two states of a device ran slower than it could; empty where nothing says so.

    A Raspberry Pi remembers that it was throttled, once until it is started anew.
    """
    reasons = [*slowed_now(before), *slowed_now(after)]
    now, earlier = (int(state.get("throttled", "0x0"), 16) >> _SINCE_BOOT for state in (after, before))
    if now & ~earlier & _NOW:
        reasons.append(f"get_throttled says {after['throttled']}")
    return list(dict.fromkeys(reasons))


def state_findings(states: Sequence[State], slows_at: float) -> list[Finding]:
    """Notes on heat, on a governor that changes clocks, and on clocks that are limited.

    Args:
        states: what the device said before and after each process, in order.
        slows_at: degrees at which it slows down by itself.
    """
    found = []
    degrees = max((celsius(state) or 0.0) for state in states)
    if degrees > slows_at - NEAR_CELSIUS:
        message = f"the device was {degrees:.0f} degrees hot, and slows down at {slows_at:.0f}: times are doubtful"
        found.append(Finding("device-hot", message, severity="note"))
    governors = states[-1].get("governor", "")
    if governors not in ("", "performance"):
        message = f"the frequency governor is {governors}: clocks follow the load; `performance` keeps them steady"
        found.append(Finding("device-governor", message, severity="note"))
    limits = [int(state["clock_limit_khz"]) for state in states if "clock_limit_khz" in state]
    highest = int(states[0].get("highest_clock_khz", 0))
    if limits and min(limits) < highest:
        message = f"clocks were limited to {min(limits) / 1000:.0f} MHz, {highest / 1000:.0f} MHz are possible"
        found.append(Finding("device-clock-limit", message, severity="note"))
    return found
