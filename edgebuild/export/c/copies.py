"""Loops that move blocks of bytes from one layout to another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Loop:
    """One loop: its count, and the elements that the source and the target move on per turn."""

    count: int
    source: int
    target: int


def merged(loops: Sequence[Loop]) -> list[Loop]:
    """The same copies in as few loops as possible, outermost first; loops of one turn vanish."""
    result: list[Loop] = []
    for loop in loops:
        if loop.count == 1:
            continue
        outer = result[-1] if result else None
        evenly = (loop.source * loop.count, loop.target * loop.count)
        if outer is not None and (outer.source, outer.target) == evenly:
            result[-1] = Loop(outer.count * loop.count, loop.source, loop.target)
        else:
            result.append(loop)
    return result


def copy_loops(source: str, target: str, loops: Sequence[Loop], item_bytes: int) -> str:
    """C that copies: `source` and `target` are pointers to bytes, innermost runs are copied as blocks."""
    order = merged(loops)
    run = 1
    if order and (order[-1].source, order[-1].target) == (1, 1):
        run = order.pop().count
    lines, indent = [], ""
    for depth, loop in enumerate(order):
        name = f"i{depth}"
        lines.append(f"{indent}for (int32_t {name} = 0; {name} < {loop.count}; {name}++) {{")
        indent += "  "
        source += _moved(name, loop.source * item_bytes)
        target += _moved(name, loop.target * item_bytes)
    size = run * item_bytes
    lines.append(f"{indent}memcpy({target}, {source}, {size});" if size > 1 else f"{indent}*({target}) = *({source});")
    lines += ["  " * depth + "}" for depth in reversed(range(len(order)))]
    return "\n".join(lines)


def _moved(name: str, step: int) -> str:
    return "" if step == 0 else f" + {name} * {step}" if step > 0 else f" - {name} * {-step}"
