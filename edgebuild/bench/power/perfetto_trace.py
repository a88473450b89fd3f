"""The power in a trace of Perfetto, read from its protobuf bytes: no library, and no program that has to be fetched.

Fields and units are those of Perfetto's `trace_packet.proto`, `power_rails.proto` and `battery_counters.proto`, bytes
those of Protocol Buffers' encoding.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from edgebuild.errors import DeviceError
from edgebuild.runtime.protobuf import FIXED, as_bytes, raw_fields

_PACKET, _TIMESTAMP, _BATTERY, _RAILS = 1, 8, 38, 40
_DESCRIPTOR, _ENERGY = 1, 2
_CURRENT, _VOLTAGE = 3, 7

Value = int | bytes


@dataclass
class PowerRecord:
    """What a trace says of power.

    Attributes:
        energy: rail -> (seconds since boot, J counted until then), in order of time.
        battery: (seconds since boot, A, V): A is below zero while the battery gives; V is None where it is not told.
    """

    energy: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    battery: list[tuple[float, float, float | None]] = field(default_factory=list)


def read_power(data: bytes) -> PowerRecord:
    """Read a trace.

    Raises:
        DeviceError: the bytes are no trace, or it was cut off.
    """
    names: dict[int, str] = {}
    energy: dict[int, list[tuple[float, float]]] = defaultdict(list)
    record = PowerRecord()
    try:
        for number, packet in fields_of(data):
            if number != _PACKET or not isinstance(packet, bytes):
                continue
            found = defaultdict(list)
            for inner, value in fields_of(packet):
                found[inner].append(value)
            for rails in found[_RAILS]:
                _read_rails(as_bytes(rails), names, energy)
            stamp = int(_as_int(found[_TIMESTAMP][0])) / 1e9 if found[_TIMESTAMP] else None
            for battery in found[_BATTERY]:
                _read_battery(as_bytes(battery), stamp, record)
    except ValueError as error:
        msg = f"the trace of Perfetto is damaged: {error}"
        raise DeviceError(msg, remedy="see what `perfetto` printed on the device") from error
    record.energy = {names.get(index, f"rail {index}"): sorted(rows) for index, rows in sorted(energy.items())}
    record.battery.sort(key=lambda row: row[0])
    return record


def _read_rails(data: bytes, names: dict[int, str], energy: dict[int, list[tuple[float, float]]]) -> None:
    """Descriptors and counters: index 1, name 2; index 1, ms since boot 2, uJ 3."""
    for number, value in fields_of(data):
        if number not in (_DESCRIPTOR, _ENERGY):
            continue
        inner = dict(fields_of(as_bytes(value)))
        index = _as_int(inner.get(1, 0))
        if number == _DESCRIPTOR:
            names[index] = as_bytes(inner.get(2, b"")).decode(errors="replace")
        else:
            energy[index].append((_as_int(inner.get(2, 0)) / 1e3, _as_int(inner.get(3, 0)) / 1e6))


def _read_battery(data: bytes, stamp: float | None, record: PowerRecord) -> None:
    inner = dict(fields_of(data))
    if stamp is None or _CURRENT not in inner:
        return
    volts = _signed(_as_int(inner[_VOLTAGE])) / 1e6 if _VOLTAGE in inner else None
    record.battery.append((stamp, _signed(_as_int(inner[_CURRENT])) / 1e6, volts))


def fields_of(data: bytes) -> Iterator[tuple[int, Value]]:
    """(number of the field, value) of one message; errors as of `raw_fields`."""
    for number, kind, value in raw_fields(data):
        yield number, int.from_bytes(as_bytes(value), "little") if kind in FIXED else value


def _signed(value: int) -> int:
    """A varint of int64 holds a number below zero as its two's complement."""
    return value - (1 << 64) if value >= 1 << 63 else value


def _as_int(value: Value) -> int:
    if isinstance(value, bytes):
        msg = "bytes where a number should be"
        raise ValueError(msg)
    return value
