"""How the bytes of a span become bits with contexts: any bytes, the bytes of wide numbers, numbers of a small alphabet.

Each coding is written once, for both directions (`edgebuild.package.container.arithmetic`).
"""

from __future__ import annotations

from edgebuild.package.container.arithmetic import BitCoder
from edgebuild.package.container.predict import HALF, Mixed, learned

SYMBOL_BITS = 14
"""Of the number of slots that the codings of small alphabets share."""
MATCH_BITS = 12
COLUMNS = 4096
ORDERS = (0, 0xFF, 0xFFFF, 0xFFFFFF, 0xFFFFFFFF)
"""Which of the last bytes are a context of the next one: none of them to the last four."""
_HISTORY = (1 << 64) - 1
_SPREAD = 0x9E3779B1
_STEP = 0x632BE5AB
_ALL = 0xFFFFFFFF


def new_slots(bits: int) -> list[int]:
    """2^`bits` slots that saw nothing."""
    return [HALF] * (1 << bits)


def place_of(context: int, number: int, bits: int) -> int:
    """The slot, of 2^`bits`, of the context `context` (below 2^32), the `number`-th of its model."""
    mixed = ((context + number * _STEP) * _SPREAD) & _ALL
    return (((mixed ^ mixed >> 15) * 0x85EBCA6B) & _ALL) >> (32 - bits)


class Bytes:
    """Any bytes, by those before them.

    Contexts are the last none to four bytes, those at the same place of the last two words of four bytes, and what
    followed when the last four bytes were last the same. It goes on from span to span of a file: what was learned
    before a weight is true behind it.
    """

    def __init__(self, bits: int) -> None:
        """2^`bits` slots: too few make contexts share them that have nothing in common."""
        self._bits = bits
        self._model = Mixed(new_slots(bits), inputs=7, sets=28, limit=127, shift=14)
        self._history = 0
        self._seen = [0] * (1 << MATCH_BITS)
        self._match, self._length = 0, 0

    def code(self, coder: BitCoder, data: bytearray, start: int, end: int) -> None:
        """Code `data[start:end]`; a decoder fills it."""
        for position in range(start, end):
            contexts = self._contexts(position)
            expected = 256 | data[self._match] if self._length else 0
            node = 1
            for shift in range(7, -1, -1):
                places = [place_of(context ^ node * 0x01000193, 0, self._bits) for context in contexts]
                known = self._model.known(places)
                length = self._length if expected >> shift + 1 == node else 0
                next_bit = expected >> shift & 1 if length else 0
                places.append(place_of(min(length, 31) << 1 | next_bit, 9, self._bits))
                chosen = known * 4 + (min(length, 24) + 7 >> 3)
                node = node * 2 | self._model.code(coder, places, min(chosen, 27), data[position] >> shift & 1)
            data[position] = node & 0xFF
            self._history = (self._history << 8 | node & 0xFF) & _HISTORY
            self._follow(data, position + 1)

    def _follow(self, data: bytearray, position: int) -> None:
        """Go on with the match, or look for one: `position` is that of the next byte."""
        if self._length and data[self._match] == data[position - 1]:
            self._length, self._match = self._length + 1, self._match + 1
        else:
            self._length = 0
        place = ((self._history & _ALL) * _SPREAD & _ALL) >> (32 - MATCH_BITS)
        if not self._length and self._seen[place]:
            self._match, self._length = self._seen[place], 1
        self._seen[place] = position

    def _contexts(self, position: int) -> list[int]:
        history = self._history
        words = (history >> 24 & 0xFF) << 16 | (history >> 56) << 8 | position & 3
        found = [history & order for order in ORDERS]
        return [(context + (number + 1) * _STEP) * _SPREAD & _ALL for number, context in enumerate([*found, words])]


def code_planes(coder: BitCoder, data: bytearray, start: int, end: int, width: int) -> None:
    """Code bytes by how often each occurs at its place in numbers of `width` bytes."""
    slots = [HALF] * (256 * width)
    for position in range(start, end):
        base, node, value = (position - start) % width * 256, 1, data[position]
        for shift in range(7, -1, -1):
            slot = slots[base + node]
            bit = coder.code(min(max(slot >> 16, 1), 65535), value >> shift & 1)
            slots[base + node] = learned(slot, bit, 255)
            node = node * 2 | bit
        data[position] = node & 0xFF


class Symbols:
    """Numbers of a small alphabet: first whether it is the most frequent one (a pruned zero), then which other one.

    The first is predicted from what came before it in the row and at its place in the rows before (pruning empties
    columns and rows), the second from how frequent each is, the last one, and the one above.
    """

    def __init__(self, alphabet: list[bytes], stride: int) -> None:
        """`alphabet`: the most frequent one first, all of one width; `stride`: numbers in a row, 0 for no rows."""
        self._alphabet, self._stride = alphabet, stride
        self._index = {symbol: number for number, symbol in enumerate(alphabet)}
        slots = new_slots(SYMBOL_BITS)
        self._flags = Mixed(slots, inputs=6, sets=1, limit=1023, shift=18)
        self._tree = Mixed(slots, inputs=3, sets=1, limit=1023, shift=18)
        self._bits = max(len(alphabet) - 2, 0).bit_length()
        self._columns = [0] * COLUMNS
        self._recent, self._last = 0, 0

    def code(self, coder: BitCoder, data: bytearray, start: int, count: int) -> None:
        """Code `count` numbers from `data[start]` on; a decoder fills them."""
        width = len(self._alphabet[0])
        for number in range(count):
            position = start + number * width
            index = self._index.get(bytes(data[position : position + width]), 0)
            index = self._number(coder, data, number, position, index, width)
            data[position : position + width] = self._alphabet[index]

    def _number(self, coder: BitCoder, data: bytearray, number: int, position: int, index: int, width: int) -> int:
        row = self._stride * width
        above = [
            self._stride > 0 and number >= self._stride * up and self._is_other(data, position - row * up, width)
            for up in (1, 2, 3)
        ]
        column = number % self._stride % COLUMNS if self._stride else 0
        other = self._flag(coder, column, above, int(index > 0))
        near = self._columns[column]
        self._columns[column] = near + (255 - near >> 3) if other else near - (near >> 3)
        self._recent = (self._recent << 1 | other) & _ALL
        if not other:
            return 0
        upper = data[position - row] if self._stride and number >= self._stride else 0
        index = self._which(coder, upper, index - 1) + 1
        self._last = self._alphabet[index][0]
        return index

    def _is_other(self, data: bytearray, position: int, width: int) -> bool:
        return data[position : position + width] != self._alphabet[0]

    def _flag(self, coder: BitCoder, column: int, above: list[bool], bit: int) -> int:
        recent, near = self._recent, self._columns[column]
        many = (recent & 0xFFFF).bit_count()
        upper = above[0] | above[1] << 1 | above[2] << 2
        contexts = (
            many << 2 | recent & 3,
            recent & 0xFF,
            upper << 1 | recent & 1,
            near >> 3,
            near >> 5 << 5 | many,
            recent.bit_count() << 3 | upper,
        )
        places = [place_of(context, number, SYMBOL_BITS) for number, context in enumerate(contexts)]
        return self._flags.code(coder, places, 0, bit)

    def _which(self, coder: BitCoder, upper: int, index: int) -> int:
        """Which of the others; a damaged file may ask for one that is not there: the last one stands for it."""
        node = 1
        for shift in range(self._bits - 1, -1, -1):
            places = [
                place_of(node, 6, SYMBOL_BITS),
                place_of(node << 8 | self._last, 7, SYMBOL_BITS),
                place_of(node << 8 | upper, 8, SYMBOL_BITS),
            ]
            node = node * 2 | self._tree.code(coder, places, 0, index >> shift & 1)
        return min(node - (1 << self._bits), len(self._alphabet) - 2)
