"""The slowest operations of a real device, as `edgebuild bench` prints them."""

from __future__ import annotations

from typing import Any

SLOWEST = 10
"""Operations that are printed; the record has all."""
LAYER_CHARACTERS = 48
"""What is printed of a layer's name: its end, which tells it from others."""


def operation_lines(profile: dict[str, Any]) -> list[str]:
    """The slowest operations of a real device; nothing where they were not timed one by one."""
    operations = profile.get("operations", [])
    if not operations:
        return []
    together = f"together {profile['ratio']:.0%} of the whole, {profile['whole_ms']:.4g} ms"
    lines = [f"operations: {len(operations)}, {together} measured ({profile['provenance']})"]
    for row in sorted(operations, key=lambda row: -row["median_ms"])[:SLOWEST]:
        layer = row["layer"] or ""
        shown = layer if len(layer) <= LAYER_CHARACTERS else f"…{layer[1 - LAYER_CHARACTERS :]}"
        share = row["median_ms"] / (profile["sum_ms"] or 1.0)
        lines.append(f"  {row['median_ms']:.4g} ms, {share:.0%}: {row['name']} {shown}".rstrip())
    return lines
