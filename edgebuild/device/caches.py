"""The caches that QEMU's plugin `profile-blocks` simulates: their form by core, and which sizes they can have."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

LINE_BYTES = 64
"""Of every cache of these cores."""
SHARES = (1, 2, 4)
"""The last cache is simulated whole, and as large as two or four threads each have of it."""
WAYS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        "cortex-a53": (4, 16),
        "cortex-a72": (2, 16),
        "cortex-a73": (4, 16),
        "cortex-a75": (16, 16),
        "cortex-a76": (4, 16),
        "kryo": (3, 8),
    }
)
"""Core -> ways of its data cache and of the last cache (their Technical Reference Manuals)."""
LARGEST = 64 * 2**20
"""Bytes of a cache; no board has as much, and simulating takes four times as much memory as the cache has lines."""


def objection(core: str, size: int, *, last: bool) -> str | None:
    """What speaks against a cache of `size` bytes, as the rest of a sentence; None where it can be simulated.

    It has whole sets of lines, the last cache also in a share of it.
    """
    if core not in WAYS:
        return None
    ways = WAYS[core][last]
    step = ways * LINE_BYTES * (SHARES[-1] if last else 1)
    if 0 < size <= LARGEST and size % step == 0:
        return None
    return f"expected a multiple of {step} B, up to {LARGEST >> 20} MiB: {ways} ways of {LINE_BYTES} B lines"
