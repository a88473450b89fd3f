"""The meter `monsoon`: Monsoon's High Voltage Power Monitor, which supplies the device in the place of its battery."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import Field

from edgebuild.bench.power.meter import Capabilities, MeterKind, PowerMeter, Trace
from edgebuild.bench.power.on_bench import BenchMeter, Chunk, clock_of, library
from edgebuild.config.parameters import Parameters
from edgebuild.config.quantity import Volts
from edgebuild.config.registries import METERS
from edgebuild.device.transport import Transport
from edgebuild.errors import DeviceError

RATE_HZ = 5000
_ACCURACY = 0.01
_SOURCE = "1 % of the current (Monsoon, HVPM specification)"
_PACKET, _HEADER, _SAMPLE = 64, 4, 18
_MOST_SAMPLES = 3
_COARSE, _FINE, _VOLTS = 0, 1, 6
_KIND, _MEASURED, _ZERO, _REFERENCE = 0x30, 0x00, 0x10, 0x30
_FINE_BELOW = 64_000
_VOLTS_OF_A_STEP = 62.5e-6 * 4


class MonsoonOptions(Parameters):
    """Options of the meter `monsoon`."""

    volts: Volts = Field(ge=0.8, le=13.5, description="supply of the device")
    serial: int | None = Field(default=None, description="serial number; default: the first one")


@dataclass(frozen=True)
class Scales:
    """The calibration that the monitor tells of itself: (scale, zero offset) of its coarse and its fine channel."""

    coarse: tuple[float, float]
    fine: tuple[float, float]


def samples_of(data: bytes) -> tuple[np.ndarray, np.ndarray]:
    """([n, 8] of uint16, [n] of the kind) in whole packets of 64 bytes: dropped, flags, number of samples, up to three.

    A sample is eight numbers of 16 bits, the high byte first, and two bytes, of which the second tells its kind.
    """
    packets = np.frombuffer(data[: len(data) // _PACKET * _PACKET], np.uint8).reshape(-1, _PACKET)
    body = packets[:, _HEADER : _HEADER + _MOST_SAMPLES * _SAMPLE].reshape(-1, _MOST_SAMPLES, _SAMPLE)
    there = np.arange(_MOST_SAMPLES)[None] < packets[:, 3:4]
    rows = np.ascontiguousarray(body[there])
    numbers = np.ascontiguousarray(rows[:, :16]).view(">u2").astype(int)
    return numbers, rows[:, 17] & _KIND


def trace_of(chunks: Sequence[Chunk], scales: Scales) -> Trace:
    """The trace in the monitor's packets; samples of its own zero and reference say what a step is worth.

    Raises:
        DeviceError: it was not calibrated within the record, or sent no sample.
    """
    parts = [(moment, *samples_of(data)) for moment, data in chunks]
    numbers = np.concatenate([found for _, found, _ in parts])
    kinds = np.concatenate([found for _, _, found in parts])
    zero, reference, measured = (numbers[kinds == kind] for kind in (_ZERO, _REFERENCE, _MEASURED))
    if not len(zero) or not len(reference) or not len(measured):
        counts = f"{len(zero)} of zero, {len(reference)} of reference, {len(measured)} measured"
        msg = f"the Monsoon sent too few samples: {counts}"
        raise DeviceError(msg, remedy="measure for some seconds; it calibrates itself every second or so")
    coarse = _milliamperes(measured, zero, reference, _COARSE, scales.coarse)
    fine = _milliamperes(measured, zero, reference, _FINE, scales.fine) / 1000
    amperes = np.where(measured[:, _FINE] < _FINE_BELOW, fine, coarse) / 1000
    places = np.flatnonzero(kinds == _MEASURED)
    seconds = places / RATE_HZ
    last = np.cumsum([len(found) for _, found, _ in parts]) - 1
    arrived = np.array([moment for moment, _, _ in parts])
    offset, error = clock_of(arrived[last >= 0], last[last >= 0] / RATE_HZ)
    watts = amperes * measured[:, _VOLTS] * _VOLTS_OF_A_STEP
    return Trace(seconds, {"total": watts}, clock_offset=offset, clock_error=error)


def _milliamperes(
    measured: np.ndarray, zero: np.ndarray, reference: np.ndarray, channel: int, scale: tuple[float, float]
) -> np.ndarray:
    """What the library computes: the scale is what lies between zero and reference; of the fine channel in uA."""
    lowest = scale[1] + float(_known(zero[:, channel]))
    span = float(_known(reference[:, channel])) - lowest
    found: np.ndarray = (measured[:, channel] - lowest) * (scale[0] / span if span else 0.0)
    return found


def _known(values: np.ndarray) -> float:
    """The mean of those that are not zero, which stand for nothing."""
    there = values[values != 0]
    return float(there.mean()) if len(there) else 0.0


class MonsoonSource:
    """The monitor on USB, by the package Monsoon; its packets are decoded here."""

    def __init__(self, options: MonsoonOptions) -> None:
        self._options = options
        self._monitor: Any = None
        self.scales = Scales((0.0, 0.0), (0.0, 0.0))

    def open(self) -> None:
        """Find the monitor and switch the supply on."""
        if self._monitor is not None:
            return
        monitor = library("Monsoon.HVPM").Monsoon()
        if not monitor.enumerateDevices():
            msg = "no Monsoon power monitor on USB"
            raise DeviceError(msg, remedy="plug it in and switch it on; the user must be allowed to use its USB device")
        monitor.setup_usb(self._options.serial)
        monitor.setVout(self._options.volts)
        self._monitor = monitor

    def begin(self) -> None:
        """Have it send, with its own calibration every second and a quarter."""
        self._monitor.StartSampling(1250, 0xFFFFFFFF)
        told = self._monitor.statusPacket
        self.scales = Scales(
            (told.mainCoarseScale, told.mainCoarseZeroOffset), (told.mainFineScale, told.mainFineZeroOffset)
        )

    def read(self) -> bytes:
        """The packets that arrived."""
        return bytes(bytearray(self._monitor.BulkRead()))

    def end(self) -> None:
        """Have it stop; the supply stays on."""
        self._monitor.stopSampling()


def open_meter(_transport: Transport, options: MonsoonOptions) -> PowerMeter:
    """The meter; whose battery it replaces is the user's word."""
    source = MonsoonSource(options)
    capabilities = Capabilities(("total",), RATE_HZ, _ACCURACY, _SOURCE)
    return BenchMeter(source, capabilities, lambda chunks: trace_of(chunks, source.scales))


METERS.register("monsoon")(
    MeterKind(
        "Monsoon High Voltage Power Monitor", MonsoonOptions, open_meter, "packets made by its format; no monitor"
    )
)
