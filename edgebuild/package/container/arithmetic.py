"""An arithmetic coder for single bits of any probability (Witten, Neal and Cleary, 1987), as a range with carry."""

from __future__ import annotations

from typing import Protocol

_TOP = 1 << 24
_ALL = 0xFFFFFFFF


class BitCoder(Protocol):
    """What a model needs: it is written once, for both directions."""

    def code(self, one: int, bit: int) -> int:
        """Code a bit that is 1 with probability `one` / 65536, in [1, 65535]; the bit.

        An encoder writes `bit`; a decoder reads the bit and takes no notice of the argument.
        """
        ...


class Encoder:
    """Writes bits; trailing zeros of the result are left out, as a decoder reads zeros behind the end."""

    def __init__(self) -> None:
        self._low, self._range = 0, _ALL
        self._bytes = bytearray()

    def code(self, one: int, bit: int) -> int:
        """Write `bit`."""
        bound = (self._range * one) >> 16
        if bit:
            self._range = bound
        else:
            self._low += bound
            self._range -= bound
            if self._low > _ALL:
                self._carry()
        while self._range < _TOP:
            self._range = (self._range << 8) & _ALL
            self._bytes.append(self._low >> 24)
            self._low = (self._low << 8) & _ALL
        return bit

    def finish(self) -> bytes:
        """Everything written."""
        rounded = (self._low + _TOP - 1) & ~(_TOP - 1)  # any number in the range will do: the one with most zeros
        if rounded < self._low + self._range:
            self._low = rounded
            if self._low > _ALL:
                self._carry()
        self._bytes += self._low.to_bytes(4, "big")
        return bytes(self._bytes).rstrip(b"\0")

    def _carry(self) -> None:
        self._low &= _ALL
        place = len(self._bytes) - 1
        while self._bytes[place] == 0xFF:
            self._bytes[place] = 0
            place -= 1
        self._bytes[place] += 1


class Decoder:
    """Reads the bits back; behind the end of `data` it reads zeros."""

    def __init__(self, data: bytes) -> None:
        self._data, self._place = data, 4
        self._code, self._range = int.from_bytes(data[:4].ljust(4, b"\0"), "big"), _ALL

    def code(self, one: int, bit: int) -> int:
        """Read a bit."""
        bound = (self._range * one) >> 16
        if self._code < bound:
            self._range, bit = bound, 1
        else:
            self._code -= bound
            self._range -= bound
            bit = 0
        while self._range < _TOP:
            self._range = (self._range << 8) & _ALL
            following = self._data[self._place] if self._place < len(self._data) else 0
            self._code = ((self._code << 8) & _ALL) | following
            self._place += 1
        return bit
