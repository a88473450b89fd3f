"""Published times of networks on Arm boards and phones: which board, core, network, kernels and threads each row is of.

The rows are those of `arm-latency/published.csv` of the folder that EDGEBUILD_DATA names, and a few more of two of its
sources, which stand here. Every row is either used or left out, with the reason.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from edgebuild.device.linux_board import LinuxBoard

Kernels = Literal["xnnpack", "builtin"]


def _board(cpu: str, clock: str, bandwidth: str, caches: str, cores: int = 4) -> LinuxBoard:
    sizes = dict(zip(("l1_data", "l2", "l3"), caches.split(", "), strict=False))
    options = {"cpu": cpu, "clock": clock, "memory_bandwidth": bandwidth, "caches": sizes, "cores": cores}
    return LinuxBoard.model_validate(options)


BOARDS: Mapping[str, LinuxBoard] = MappingProxyType(
    {
        "Raspberry Pi 3": _board("cortex-a53", "1.2 GHz", "2.2 GB/s", "32 KiB, 512 KiB"),
        "Raspberry Pi 3B+": _board("cortex-a53", "1.4 GHz", "2.2 GB/s", "32 KiB, 512 KiB"),
        "Raspberry Pi 4": _board("cortex-a72", "1.5 GHz", "5.5 GB/s", "32 KiB, 1 MiB"),
        "Pixel": _board("kryo", "2.15 GHz", "18 GB/s", "24 KiB, 1 MiB", cores=2),
        "Pixel 2": _board("cortex-a73", "2.35 GHz", "18 GB/s", "64 KiB, 2 MiB"),
        "Pixel 3": _board("cortex-a75", "2.5 GHz", "18 GB/s", "64 KiB, 256 KiB, 2 MiB"),
        "Pixel 3a": _board("cortex-a75", "2 GHz", "9 GB/s", "64 KiB, 256 KiB, 1 MiB", cores=2),
        "Raspberry Pi 5": _board("cortex-a76", "2.4 GHz", "10 GB/s", "64 KiB, 512 KiB, 2 MiB"),
    }
)
"""Name -> its big cores. Clocks and caches as the makers of the boards and of the Snapdragon 821, 835, 845 and 670 say.
Memory: what STREAM measured on a Raspberry Pi 4 (sci-pi.org.uk/bench/stream.html); of others 60 % of the data sheet."""

FAMILIES: Mapping[str, str] = MappingProxyType({"Raspberry Pi 3B+": "Raspberry Pi 3"})
"""Boards that are left out together with another one, of which they are a faster version."""


@dataclass(frozen=True)
class Row:
    """One published time.

    Attributes:
        board: one of BOARDS.
        network: one of NETWORKS.
        dtype: `int8` or `fp32`.
        kernels: of the runtime that was timed: XNNPACK's, or TFLite's own.
        threads: it had.
        milliseconds: as published.
        source: of the row.
    """

    board: str
    network: str
    dtype: Literal["int8", "fp32"]
    kernels: Kernels
    threads: int
    milliseconds: float
    source: str

    @property
    def device(self) -> str:
        """What is left out at once."""
        return FAMILIES.get(self.board, self.board)


@dataclass(frozen=True)
class LeftOut:
    """A row that nothing is compared with, and why."""

    text: str
    reason: str


_NETWORKS: Mapping[str, str] = MappingProxyType(
    {
        "MobileNetV1 1.0": "mobilenet-v1",
        "MobileNetV1 1.0 224": "mobilenet-v1",
        "MobileNetV1 1.0 192": "mobilenet-v1-192",
        "MobileNetV1 0.75 224": "mobilenet-v1-0.75",
        "MobileNetV1 0.50 160": "mobilenet-v1-0.5-160",
        "MobileNetV1 0.25 128": "mobilenet-v1-0.25-128",
        "MobileNetV2 1.0": "mobilenet-v2",
        "MobileNetV2 1.0 224": "mobilenet-v2",
        "MobileNetV3 Large": "mobilenet-v3-large",
        "MobileNetV3 Small": "mobilenet-v3-small",
        "SSDLite MobileNetV2 300": "ssdlite-mobilenet-v2",
        "InceptionV3": "inception-v3",
        "EfficientDet-lite0 320": "efficientdet-lite0",
    }
)
_BOARD_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "Raspberry Pi 4 (ARM64)": "Raspberry Pi 4",
        "Raspberry Pi 4 64bit": "Raspberry Pi 4",
        "Raspberry Pi 3B+ 64bit": "Raspberry Pi 3B+",
        "Pixel XL": "Pixel",
    }
)
_THIRTY_TWO_BIT = "a 32-bit program, whose instructions are others"
_NOT_COMPARABLE: Mapping[str, str] = MappingProxyType(
    {
        "Raspberry Pi Zero W": _THIRTY_TWO_BIT,
        "Raspberry Pi 3+": _THIRTY_TWO_BIT,
        "Raspberry Pi 4 (32-bit)": _THIRTY_TWO_BIT,
        "Raspberry Pi 3B+": f"{_THIRTY_TWO_BIT}; threads and dtype are not stated",
        "Raspberry Pi 4": f"{_THIRTY_TWO_BIT}; threads and dtype are not stated",
        "iPhone XS": "no core of Arm: neither kernels nor a scheduling model are known for it",
        "Coral embedded CPU": "threads are not stated",
        "Coral Dev Board EdgeTPU": "no CPU",
        "Raspberry Pi (model not stated in excerpt)": "the board and its threads are not stated",
    }
)
_README = "google/XNNPACK README (Mar 27 2020)"
_OLD = "(old)"
_DETECTION = "NobuoTsukamoto/benchmarks"
_XNNPACK_2020: Mapping[tuple[str, int], tuple[float, float, float, float]] = MappingProxyType(
    {
        ("Pixel", 2): (43, 26, 22, 7),
        ("Pixel 2", 4): (27, 18, 16, 6),
        ("Pixel 3a", 1): (88, 55, 44, 14),
        ("Pixel 3a", 2): (46, 28, 24, 8),
    }
)
"""More of the README of XNNPACK, fp32: (board, threads) -> ms of MobileNet v1, v2, v3 Large, v3 Small; threads are as
many as there are big cores."""
_RASPBERRY_PI_3 = {1: 395.84, 2: 222.17, 3: 167.18, 4: 140.06}
"""More of raspi.md: threads -> ms of SSDLite MobileNetV2 int8 on the older Raspberry Pi 3 V1.2, 64 bit."""

_COURSE = "learn.arm.com/courses/executorch-on-arm"
_GUESSED = (
    Row("Raspberry Pi 5", "mobilenet-v2", "fp32", "xnnpack", 4, 10.89, _COURSE),
    Row("Raspberry Pi 5", "mobilenet-v2", "int8", "xnnpack", 4, 4.01, _COURSE),
)
"""Times of ExecuTorch on a Raspberry Pi that is not named: board and threads are a guess."""
_SORTS_LONG = "EfficientDet"
"""How its boxes were sorted out, which is most of what is not the network, is not published."""


def published_rows(file: Path) -> tuple[list[Row], list[LeftOut]]:
    """The rows of `published.csv` and those that stand here; and those that nothing is compared with."""
    used, left_out = _more_rows(), []
    with file.open(newline="") as stream:
        for raw in csv.DictReader(stream):
            reason = _reason(raw)
            if reason:
                left_out.append(
                    LeftOut(f"{raw['device']}: {raw['model']} {raw['dtype']}, {raw['latency_ms']} ms", reason)
                )
            else:
                used += _rows(raw)
    return used, left_out


def unsure_rows(file: Path) -> list[Row]:
    """Rows of which something is guessed; nothing is fitted to them."""
    with file.open(newline="") as stream:
        found = [row for raw in csv.DictReader(stream) if raw["model"].startswith(_SORTS_LONG) for row in _rows(raw)]
    return [*_GUESSED, *found]


def _reason(raw: Mapping[str, str]) -> str:
    if raw["device"] in _NOT_COMPARABLE:
        return _NOT_COMPARABLE[raw["device"]]
    if _OLD in raw["source"]:
        return "a runtime of 2018: its kernels are in no runtime of today"
    if raw["model"].startswith(_SORTS_LONG):
        return "the time includes sorting out 19,206 boxes, which took most of 100 ms beside an Edge TPU: see above"
    return ""


def _rows(raw: Mapping[str, str]) -> Iterator[Row]:
    board = _BOARD_NAMES.get(raw["device"], raw["device"])
    dtype: Literal["int8", "fp32"] = "fp32" if raw["dtype"] == "fp32" else "int8"
    # raspi.md: fp32 with the XNNPACK delegate, int8 without.
    delegated = raw["runtime"] == "XNNPACK" or (_DETECTION in raw["source"] and dtype == "fp32")
    threads = {"multi": str(BOARDS[board].cores)}.get(raw["threads"], raw["threads"]).split("/")
    times = raw["latency_ms"].split("/")
    models = [raw["model"]]
    if "/" in raw["model"]:
        models = ["MobileNetV3 Large", "MobileNetV3 Small"]
    kernels: Kernels = "xnnpack" if delegated else "builtin"
    for model, count, time in zip(models * (len(times) // len(models)), threads * len(models), times, strict=True):
        yield Row(board, _NETWORKS[model], dtype, kernels, int(count), float(time), raw["source"])


def _more_rows() -> list[Row]:
    networks = ("mobilenet-v1", "mobilenet-v2", "mobilenet-v3-large", "mobilenet-v3-small")
    found = [
        Row(board, network, "fp32", "xnnpack", threads, time, _README)
        for (board, threads), times in _XNNPACK_2020.items()
        for network, time in zip(networks, times, strict=True)
    ]
    older = _RASPBERRY_PI_3.items()
    return [
        *found,
        *(Row("Raspberry Pi 3", "ssdlite-mobilenet-v2", "int8", "builtin", n, ms, _DETECTION) for n, ms in older),
    ]
