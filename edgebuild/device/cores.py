"""Which cores a device has, which of them are big and little, and which ones a file is to run on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edgebuild.config.cores import GROUPS, parse_cores, show_cores
from edgebuild.config.wording import threads_words
from edgebuild.errors import ConfigError


@dataclass(frozen=True)
class Placement:
    """Where a file runs.

    Attributes:
        threads: of its runtime.
        cores: that it is pinned to; empty: wherever the system puts it.
        asked: the words that named them: `big`.
    """

    threads: int = 1
    cores: tuple[int, ...] = ()
    asked: str = ""

    def __str__(self) -> str:
        """For example `2 threads pinned to cores 4-7 (big)`."""
        threads = threads_words(self.threads)
        if not self.cores:
            return f"{threads}, not pinned"
        name = f" ({self.asked})" if self.asked in GROUPS else ""
        return f"{threads} pinned to core{'s' if len(self.cores) > 1 else ''} {show_cores(self.cores)}{name}"


def place_on_cores(device: str, told: Mapping[str, str], threads: int, wanted: str | None) -> Placement:
    """Where `threads` threads run on a device.

    Args:
        device: its name, for messages.
        told: what it says of itself (`edgebuild.device.transport`).
        threads: of the runtime.
        wanted: the cores, as `edgebuild.config.cores` has them; None pins nowhere.

    Raises:
        ConfigError: the device has no such cores, or fewer than threads.
    """
    there = online_cores(told)
    chosen = there if wanted is None else _chosen(device, told, wanted)
    absent = tuple(core for core in chosen if core not in there)
    if absent:
        online = show_cores(there)
        msg = f"device {device!r} has no core {show_cores(absent)}: those that are there and online are {online}"
        raise ConfigError(msg, remedy="name others, or bring the core online there")
    if threads > len(chosen):
        where = "it has" if wanted is None else f"{wanted} is"
        msg = f"{threads} threads on device {device!r} would wait for one another: {where} {_count(chosen)}"
        raise ConfigError(msg, remedy="choose fewer threads or more cores")
    return Placement(threads, () if wanted is None else chosen, wanted or "")


def _chosen(device: str, told: Mapping[str, str], wanted: str) -> tuple[int, ...]:
    if wanted not in GROUPS:
        return parse_cores(wanted)
    groups = core_groups(told)
    if wanted not in groups:
        names = ", ".join(f"{name} {show_cores(cores)}" for name, cores in groups.items())
        msg = f"device {device!r} has no {wanted} cores: " + (names or "all of its cores are of one kind")
        raise ConfigError(msg, remedy=f"name {'one of these, or ' if names else ''}cores by number: --cores 0,1")
    return groups[wanted]


def online_cores(told: Mapping[str, str]) -> tuple[int, ...]:
    """Numbers of the cores that are there and online; where the device does not say which, all that it counts."""
    online = told.get("online_cores")
    return tuple(range(int(told["cores"]))) if online is None else parse_cores(online)


def core_groups(told: Mapping[str, str]) -> dict[str, tuple[int, ...]]:
    """`little`, `middle` and `big` cores that are online, from what a device says of itself; empty where all are alike.

    The slowest are little, the fastest big, and what is between them is middle: by the capacity that the kernel gives
    each core, or where it gives none, by its highest clock.
    """
    speeds = _by_core(told.get("core_capacity", "")) or _by_core(told.get("core_clock_khz", ""))
    online = [core for core in online_cores(told) if core in speeds]
    kinds = sorted({speeds[core] for core in online})
    if len(kinds) < 2:
        return {}
    groups: dict[str, tuple[int, ...]] = {}
    for name, wanted in zip(GROUPS, ({kinds[0]}, set(kinds[1:-1]), {kinds[-1]}), strict=True):
        cores = tuple(core for core in online if speeds[core] in wanted)
        groups |= {name: cores} if cores else {}
    return groups


def _by_core(text: str) -> dict[int, int]:
    """Core -> value of `0-3:160 4-7:1024`."""
    pairs = [part.partition(":")[::2] for part in text.split()]
    return {core: int(value) for cores, value in pairs for core in parse_cores(cores)}


def _count(cores: tuple[int, ...]) -> str:
    return f"{len(cores)} core{'s' if len(cores) > 1 else ''} ({show_cores(cores)})"
