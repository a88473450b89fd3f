"""Facts about this host, read from the kernel; no torch, no third-party package.

`host_facts` holds what stays the same between two builds and goes into a report; `host_state` holds what changes by the
second and goes into a benchmark's record.
"""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")
MEMINFO = Path("/proc/meminfo")
CPU_FOLDER = Path("/sys/devices/system/cpu")


def host_facts() -> dict[str, str]:
    """Return cpu, cores, memory, kernel, python, governor and turbo as short texts; unknown ones say `unknown`."""
    return {
        "cpu": cpu_model(),
        "architecture": platform.machine(),
        "cores": str(os.cpu_count() or "unknown"),
        "memory": memory_size(),
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "governor": governor(),
        "turbo": turbo(),
    }


def cpu_model() -> str:
    """Return the processor's name as the kernel states it, or the architecture where it states none."""
    try:
        lines = CPUINFO.read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    for key in ("model name", "Model", "Hardware"):
        for line in lines:
            name, _, value = line.partition(":")
            if name.strip() == key and value.strip():
                return " ".join(value.split())
    return platform.machine()


def memory_size() -> str:
    """Return the installed memory, for example `23.5 GiB`."""
    try:
        first = MEMINFO.read_text().splitlines()[0]
    except OSError:
        return "unknown"
    return f"{int(first.split()[1]) / 2**20:.3g} GiB"


def governor() -> str:
    """Return the frequency governors in use, or `unknown` where the kernel shows none (virtual machines)."""
    found = {_read(path) for path in sorted(CPU_FOLDER.glob("cpu[0-9]*/cpufreq/scaling_governor"))}
    return ", ".join(sorted(found)) or "unknown"


def turbo() -> str:
    """Return `on`, `off` or `unknown` for clock boost."""
    disabled = CPU_FOLDER / "intel_pstate" / "no_turbo"
    if disabled.exists():
        return "off" if _read(disabled) == "1" else "on"
    boost = CPU_FOLDER / "cpufreq" / "boost"
    if boost.exists():
        return "on" if _read(boost) == "1" else "off"
    return "unknown"


def _read(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError:
        return "unknown"


@dataclass(frozen=True)
class HostState:
    """What the host was doing at one moment.

    Attributes:
        load_average: over the last minute.
        busy_seconds: processor seconds spent by anybody since boot; None where the kernel does not tell.
        own_seconds: processor seconds of this process and its finished children.
    """

    load_average: float
    busy_seconds: float | None
    own_seconds: float


def host_state() -> HostState:
    """Read the state now; the difference of two states says what else ran in between."""
    times = os.times()
    return HostState(
        os.getloadavg()[0], _busy_seconds(), times.user + times.system + times.children_user + times.children_system
    )


def _busy_seconds() -> float | None:
    try:
        fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:]
    except OSError:
        return None
    user, nice, system, _idle, _iowait, irq, softirq = (int(value) for value in fields[:7])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


def busy_others(before: HostState, after: HostState, seconds: float) -> float | None:
    """Return how many processors other programs kept busy on average between two states; None where unknown."""
    if before.busy_seconds is None or after.busy_seconds is None or seconds <= 0:
        return None
    others = (after.busy_seconds - before.busy_seconds) - (after.own_seconds - before.own_seconds)
    return max(0.0, others / seconds)
