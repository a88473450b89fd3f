"""What a device says of heat and clocks that makes times doubtful, or wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from edgebuild.check.finding import Finding

HOT_MILLICELSIUS = 75_000
"""Above it a Raspberry Pi is near the 80 degrees at which it slows down."""
THERMAL_STATUSES: Mapping[str, str] = MappingProxyType(
    {"1": "light", "2": "moderate", "3": "severe", "4": "critical", "5": "emergency", "6": "shutdown"}
)
"""Android's words for its thermal status (`android.os.PowerManager`, THERMAL_STATUS_…); 0 is none."""

State = Mapping[str, str]
"""Properties of a transport."""


def state_findings(before: State, states: Sequence[State]) -> list[Finding]:
    """Findings of a benchmark; a device that was slowed down meanwhile makes it fail.

    Args:
        before: what the device said before the first process.
        states: what it said after each process, in order.
    """
    found = []
    degrees = max(int(state.get("temperature_millicelsius", 0)) for state in (before, *states))
    if degrees > HOT_MILLICELSIUS:
        message = f"the device was {degrees / 1000:.0f} degrees hot; times are those of a device that slows down"
        found.append(Finding("device-hot", message, severity="note"))
    reasons = list(dict.fromkeys(reason for state in states for reason in _slowed_down(before, state)))
    if reasons:
        found.append(Finding("device-throttled", f"the device was throttled meanwhile: {'; '.join(reasons)}"))
    governors = states[-1].get("governor", "")
    if governors not in ("", "performance"):
        message = f"the frequency governor is {governors}: clocks follow the load; `performance` keeps them steady"
        found.append(Finding("device-governor", message, severity="note"))
    limits = [int(state["clock_limit_khz"]) for state in (before, *states) if "clock_limit_khz" in state]
    highest = int(before.get("highest_clock_khz", 0))
    if limits and min(limits) < highest:
        message = f"clocks were limited to {min(limits) / 1000:.0f} MHz, {highest / 1000:.0f} MHz are possible"
        found.append(Finding("device-clock-limit", message, severity="note"))
    return found


def _slowed_down(before: State, state: State) -> list[str]:
    """Why the device ran slower than it could: the words of whoever slowed it down."""
    reasons = []
    bits = int(state.get("throttled", "0x0"), 16)
    since_boot = (bits >> 16) & ~(int(before.get("throttled", "0x0"), 16) >> 16) & 0xF
    if bits & 0xF or since_boot:  # bits 16 to 19 say what happened since it started
        reasons.append(f"get_throttled says {state['throttled']}")
    if state.get("thermal_status", "0") != "0":
        status = state["thermal_status"]
        reasons.append(f"Android's thermal status is {THERMAL_STATUSES.get(status, status)}")
    if "cooling" in state:
        reasons.append(f"the kernel cools by {state['cooling']}")
    return reasons
