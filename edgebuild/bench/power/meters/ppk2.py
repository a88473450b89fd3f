"""The meter `ppk2`: Nordic's Power Profiler Kit II, which supplies the device and measures its current."""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
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

RATE_HZ = 100_000
_ACCURACY = 0.1
_SOURCE = "10 % between 1 uA and 1 A (Nordic, PPK2 product brief)"
_ADC_VOLTS = 1.8 / 163840
_RANGES = 5
_COUNTER = 64
_POLL_SECONDS = 0.01
_VALUE = re.compile(r"(?P<name>R|GS|GI|O|S|I|UG)(?P<range>[0-4]): (?P<value>\S+)")


class Ppk2Options(Parameters):
    """Options of the meter `ppk2`."""

    volts: Volts = Field(ge=0.8, le=5.0, description="supply of the device")
    port: str | None = Field(default=None, description="serial port; default: the first one that is a PPK2")
    source: bool = Field(default=True, description="the meter supplies the device; false: only measures what flows in")


def _each(value: float) -> list[float]:
    return [value] * _RANGES


@dataclass
class Gains:
    """The calibration that the kit tells of itself, one value for each of its five ranges of current."""

    R: list[float] = field(default_factory=lambda: [1031.64, 101.65, 10.15, 0.94, 0.043])
    GS: list[float] = field(default_factory=lambda: _each(1.0))
    GI: list[float] = field(default_factory=lambda: _each(1.0))
    O: list[float] = field(default_factory=lambda: _each(0.0))  # noqa: E741 (the kit's own name)
    S: list[float] = field(default_factory=lambda: _each(0.0))
    I: list[float] = field(default_factory=lambda: _each(0.0))  # noqa: E741 (the kit's own name)
    UG: list[float] = field(default_factory=lambda: _each(1.0))


def read_gains(metadata: str) -> Gains:
    """The calibration in the text that the kit sends for GET_META_DATA; what is not told keeps its usual value."""
    gains = Gains()
    for match in _VALUE.finditer(metadata):
        value = float(match["value"])
        if match["name"] != "R" or value:  # some kits have no resistance stored
            getattr(gains, match["name"])[int(match["range"])] = value
    return gains


def amperes_of(words: np.ndarray, gains: Gains, volts: float) -> np.ndarray:
    """A of each word [n] of uint32: ADC in bits 0 to 13, range in 14 to 16, a counter in 18 to 23, logic above."""
    span = np.minimum(words >> 14 & 7, _RANGES - 1).astype(int)
    adc = (words & 0x3FFF).astype(float) * 4
    r, gs, gi, o, s, i, ug = (np.array(getattr(gains, name))[span] for name in ("R", "GS", "GI", "O", "S", "I", "UG"))
    plain = (adc - o) * (_ADC_VOLTS / r)
    amperes: np.ndarray = ug * (plain * (gs * plain + gi) + (s * volts + i))
    return amperes


def trace_of(chunks: Sequence[Chunk], gains: Gains, volts: float) -> Trace:
    """The trace in the kit's bytes; samples that were lost leave a gap, by the counter in each word.

    Raises:
        DeviceError: there is not a whole word.
    """
    data = b"".join(chunk for _, chunk in chunks)
    words = np.frombuffer(data[: len(data) // 4 * 4], "<u4")
    if not len(words):
        msg = f"the PPK2 sent {len(data)} bytes, not one whole sample"
        raise DeviceError(msg, remedy="see that no other program uses it")
    counter = (words >> 18 & (_COUNTER - 1)).astype(int)
    steps = np.diff(counter) % _COUNTER
    steps[steps == 0] = _COUNTER
    seconds = np.concatenate([[0], np.cumsum(steps)]) / RATE_HZ
    last = np.cumsum([len(chunk) for _, chunk in chunks]) // 4 - 1
    whole = last >= 0
    arrived = np.array([moment for moment, _ in chunks])[whole]
    offset, error = clock_of(arrived, seconds[last[whole]])
    watts = amperes_of(words, gains, volts) * volts
    return Trace(seconds, {"total": watts}, clock_offset=offset, clock_error=error)


class Ppk2Source:
    """The kit on its serial port, by the package ppk2-api; its words are decoded here, as they are many."""

    def __init__(self, options: Ppk2Options) -> None:
        self._options = options
        self._kit: Any = None
        self.gains = Gains()

    def open(self) -> None:
        """Find the kit, read its calibration, switch the supply on."""
        api = library("ppk2_api.ppk2_api").PPK2_API
        ports = [self._options.port] if self._options.port else [_name(port) for port in api.list_devices()]
        if not ports:
            msg = "no PPK2 on any serial port"
            raise DeviceError(msg, remedy="plug it in, or name its port under power.options.port")
        self._kit = api(ports[0], timeout=1)
        self._kit._write_serial((0x19,))
        metadata = self._kit._read_metadata()
        if not metadata:
            msg = f"what is on {ports[0]} does not answer as a PPK2"
            raise DeviceError(msg, remedy="switch it off and on, and see that no other program uses it")
        self.gains = read_gains(metadata)
        if self._options.source:
            self._kit.use_source_meter()
        else:
            self._kit.use_ampere_meter()
        self._kit.set_source_voltage(round(1000 * self._options.volts))
        self._kit.toggle_DUT_power("ON")

    def begin(self) -> None:
        """Have it send."""
        self._kit.get_data()
        self._kit.start_measuring()

    def read(self) -> bytes:
        """The bytes that arrived."""
        time.sleep(_POLL_SECONDS)
        data: bytes = self._kit.get_data()
        return data

    def end(self) -> None:
        """Have it stop; the supply stays on."""
        self._kit.stop_measuring()


def _name(port: Any) -> str:
    """Some versions of the package list (port, serial number)."""
    return str(port[0] if isinstance(port, tuple) else port)


def open_meter(_transport: Transport, options: Ppk2Options) -> PowerMeter:
    """The meter; whose device it supplies is the user's word."""
    source = Ppk2Source(options)
    capabilities = Capabilities(("total",), RATE_HZ, _ACCURACY, _SOURCE)
    return BenchMeter(source, capabilities, lambda chunks: trace_of(chunks, source.gains, options.volts))


METERS.register("ppk2")(
    MeterKind("Nordic Power Profiler Kit II", Ppk2Options, open_meter, "words made by its format; no kit was attached")
)
