"""What Linux tells about the machine it runs on, from what `native/on_device.sh facts` prints."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from edgebuild.config.cores import show_cores
from edgebuild.device.android_facts import read_android_facts

CORES = MappingProxyType(
    {
        ("0x41", "0xb76"): "arm1176",
        ("0x41", "0xc07"): "cortex-a7",
        ("0x41", "0xd03"): "cortex-a53",
        ("0x41", "0xd04"): "cortex-a35",
        ("0x41", "0xd05"): "cortex-a55",
        ("0x41", "0xd07"): "cortex-a57",
        ("0x41", "0xd08"): "cortex-a72",
        ("0x41", "0xd09"): "cortex-a73",
        ("0x41", "0xd0a"): "cortex-a75",
        ("0x41", "0xd0b"): "cortex-a76",
        ("0x41", "0xd0c"): "neoverse-n1",
        ("0x41", "0xd0d"): "cortex-a77",
        ("0x41", "0xd41"): "cortex-a78",
        ("0x41", "0xd44"): "cortex-x1",
        ("0x41", "0xd46"): "cortex-a510",
        ("0x41", "0xd47"): "cortex-a710",
        ("0x41", "0xd48"): "cortex-x2",
        ("0x41", "0xd4d"): "cortex-a715",
        ("0x41", "0xd4e"): "cortex-x3",
        ("0x41", "0xd80"): "cortex-a520",
        ("0x41", "0xd81"): "cortex-a720",
        ("0x41", "0xd82"): "cortex-x4",
        ("0x51", "0x802"): "kryo-3xx-gold",
        ("0x51", "0x803"): "kryo-3xx-silver",
        ("0x51", "0x804"): "kryo-4xx-gold",
        ("0x51", "0x805"): "kryo-4xx-silver",
    }
)
"""(implementer, part) of /proc/cpuinfo, fields of MIDR_EL1 -> the core (Arm's technical reference manuals; Linux,
arch/arm64/include/asm/cputype.h)."""


def read_facts(text: str) -> dict[str, str]:
    """Properties of a transport (`edgebuild.device.transport`) from the text of the script.

    A processor with two kinds of cores is `cortex-a55+cortex-a76`; of several clocks and temperatures the highest
    counts, and governors and what cools the processor by slowing it down are listed.
    """
    found = defaultdict(list)
    cpuinfo = defaultdict(list)
    cores: dict[str, dict[str, list[int]]] = {"cpu_capacity": {}, "cpuinfo_max_freq": {}}
    zones, cooling, service = [], [], []
    for line in text.splitlines():
        if line.startswith("thermalservice "):
            service.append(line.removeprefix("thermalservice ").strip())
            continue
        name, _, value = line.partition(":")
        name, value = name.strip(), value.strip(" \t\0")
        kind, _, rest = name.partition(" ")
        if not value:
            continue
        if kind == "cpuinfo":
            cpuinfo[rest.strip()].append(value)
        elif kind == "core":
            number, _, what = rest.partition(" ")
            if value.isdigit():
                cores[what].setdefault(value, []).append(int(number))
        elif kind == "zone":
            zones.append((rest, value))
        elif kind == "cooling":
            cooling.append((rest, value))
        else:
            found[name].append(value)
    architecture = found["architecture"][0]
    facts = {
        "cpu": _cpu(cpuinfo) or architecture,
        "cores": found["cores"][0],
        "architecture": architecture,
        "kernel": found["kernel"][0],
        "memory_kib": found["MemTotal"][0].removesuffix(" kB"),
    }
    optional = {
        "board": " ".join(found["board"] or cpuinfo["Model"][:1]),
        "governor": ",".join(sorted(set(found["scaling_governor"]))),
        "clock_khz": _highest(found["scaling_cur_freq"]),
        "clock_limit_khz": _highest(found["scaling_max_freq"]),
        "highest_clock_khz": _highest(found["cpuinfo_max_freq"]),
        "online_cores": "".join(found["online"][:1]),
        "core_capacity": _by_core(cores["cpu_capacity"]),
        "core_clock_khz": _by_core(cores["cpuinfo_max_freq"]),
        "temperature_millicelsius": _highest([value for _, value in zones]),
        "cooling": ",".join(sorted({name for name, state in cooling if _slows_processor(name, state)})),
        "throttled": "".join(found["throttled"][:1]),
    }
    if found["ro.build.version.release"]:
        del optional["temperature_millicelsius"]
        optional |= read_android_facts(found, zones, service)
    return facts | {name: value for name, value in optional.items() if value}


def _cpu(cpuinfo: dict[str, list[str]]) -> str:
    parts = list(zip(cpuinfo["CPU implementer"], cpuinfo["CPU part"], strict=False))
    names = sorted({CORES.get(part, f"arm {part[0]} {part[1]}") for part in parts})
    return "+".join(names) or "".join(cpuinfo["model name"][:1])


def _by_core(values: Mapping[str, Sequence[int]]) -> str:
    """`0-3:160 4-7:1024`: the cores that have each value."""
    groups = sorted((sorted(cores), value) for value, cores in values.items())
    return " ".join(f"{show_cores(tuple(cores))}:{value}" for cores, value in groups)


def _slows_processor(name: str, state: str) -> bool:
    """Whether a cooling device of the kernel is one that lowers the processor's clock, and is at work."""
    return "cpu" in name.lower() and state.isdigit() and int(state) > 0


def _highest(values: list[str]) -> str:
    numbers = [int(value) for value in values if value.lstrip("-").isdigit()]
    return str(max(numbers)) if numbers else ""
