"""The payload of an Ethos-U delegate in a .pte file: blocks that the driver on the core hands to the accelerator.

Layout, as ExecuTorch's Arm backend writes it: blocks of a 32-byte header (name, length) and their bytes padded to 16.
"""

from __future__ import annotations

import struct

from edgebuild.runtime.executorch_flatbuffer import MalformedBufferError

BACKEND = "EthosUBackend"
COMMANDS, WEIGHTS = "cmd_data", "weight_data"
_HEADER = struct.Struct("<16sIB11s")
_FIRST, _LAST = "vela_bin_stream", "vela_end_stream"
_ALIGNMENT = 16


def read_blocks(payload: bytes) -> dict[str, bytes]:
    """Name -> bytes of every block, in order.

    Raises:
        MalformedBufferError: it is no whole payload.
    """
    blocks: dict[str, bytes] = {}
    place = 0
    while place + _HEADER.size <= len(payload):
        raw, length, _, _ = _HEADER.unpack_from(payload, place)
        place += _HEADER.size
        if place + length > len(payload):
            break
        blocks[raw.rstrip(b"\0").decode("ascii", errors="replace")] = payload[place : place + length]
        place += length + -length % _ALIGNMENT
    names = list(blocks)
    if not {_FIRST, COMMANDS, WEIGHTS} <= blocks.keys() or names[0] != _FIRST or names[-1] != _LAST:
        msg = f"an Ethos-U payload has the blocks {', '.join(names) or 'none'}, expected {_FIRST} to {_LAST}"
        raise MalformedBufferError(msg)
    return blocks
