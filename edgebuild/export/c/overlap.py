"""How far an output may lie over the input that it is computed from.

A kernel works in steps: it reads some of the input, then writes some of the output. If the output begins early enough
before the input, each write lands on bytes that are read already (the "diagonal" layout of Blacktorne/TinyML planners).
"""

from __future__ import annotations

import numpy as np


def in_order_distance(write_end: np.ndarray, next_read: np.ndarray) -> int:
    """Bytes by which the output must begin before the input, at least; never negative.

    Args:
        write_end: per step, in order: the byte of the output behind the last one written so far.
        next_read: per step: the first byte of the input that a LATER step still reads; a step may write only after its
            own reads are done, otherwise its own first byte counts too. A large number where nothing is read again.
    """
    still_needed = np.minimum.accumulate(next_read[::-1])[::-1]
    return max(0, int((write_end - still_needed).max(initial=0)))
