"""The power in a trace of Perfetto, read from its protobuf bytes: no library, and no program that has to be fetched.

Fields and units are those of Perfetto's `trace_packet.proto`, `power_rails.proto` and `battery_counters.proto`, bytes
those of Protocol Buffers' encoding.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from edgebuild.errors import DeviceError

_PACKET, _TIMESTAMP, _BATTERY, _RAILS = 1, 8, 38, 40
_DESCRIPTOR, _ENERGY = 1, 2
_CURRENT, _VOLTAGE = 3, 7
_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5

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
                _read_rails(_as_bytes(rails), names, energy)
            stamp = int(_as_int(found[_TIMESTAMP][0])) / 1e9 if found[_TIMESTAMP] else None
            for battery in found[_BATTERY]:
                _read_battery(_as_bytes(battery), stamp, record)
    except (IndexError, ValueError) as error:
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
        inner = dict(fields_of(_as_bytes(value)))
        index = _as_int(inner.get(1, 0))
        if number == _DESCRIPTOR:
            names[index] = _as_bytes(inner.get(2, b"")).decode(errors="replace")
        else:
            energy[index].append((_as_int(inner.get(2, 0)) / 1e3, _as_int(inner.get(3, 0)) / 1e6))


def _read_battery(data: bytes, stamp: float | None, record: PowerRecord) -> None:
    inner = dict(fields_of(data))
    if stamp is None or _CURRENT not in inner:
        return
    volts = _signed(_as_int(inner[_VOLTAGE])) / 1e6 if _VOLTAGE in inner else None
    record.battery.append((stamp, _signed(_as_int(inner[_CURRENT])) / 1e6, volts))


def fields_of(data: bytes) -> Iterator[tuple[int, Value]]:
    """(number of the field, value) of one message; groups are not read, which Perfetto does not write.

    Raises:
        IndexError: it is cut off.
        ValueError: it is not a message.
    """
    position = 0
    while position < len(data):
        key, position = _varint(data, position)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value: Value
            value, position = _varint(data, position)
        elif kind in (_EIGHT, _FOUR):
            size = 8 if kind == _EIGHT else 4
            value, position = int.from_bytes(_cut(data, position, size), "little"), position + size
        elif kind == _BYTES:
            size, position = _varint(data, position)
            value, position = _cut(data, position, size), position + size
        else:
            msg = f"byte {position} begins a field of the unknown kind {kind}"
            raise ValueError(msg)
        yield number, value


def _varint(data: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[position]
        value |= (byte & 0x7F) << shift
        position, shift = position + 1, shift + 7
        if byte < 0x80:
            return value, position
        if shift > 63:
            msg = f"a number at byte {position} does not end"
            raise ValueError(msg)


def _cut(data: bytes, start: int, size: int) -> bytes:
    if start + size > len(data):
        msg = f"it ends at byte {len(data)}, {start + size} were announced"
        raise ValueError(msg)
    return data[start : start + size]


def _signed(value: int) -> int:
    """A varint of int64 holds a number below zero as its two's complement."""
    return value - (1 << 64) if value >= 1 << 63 else value


def _as_bytes(value: Value) -> bytes:
    if not isinstance(value, bytes):
        msg = "a number where a message should be"
        raise ValueError(msg)
    return value


def _as_int(value: Value) -> int:
    if isinstance(value, bytes):
        msg = "bytes where a number should be"
        raise ValueError(msg)
    return value
