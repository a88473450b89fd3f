"""What may be an attention in a model's code: a number of heads, and linear layers whose sizes fit it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edgebuild.compress.prune.heads.block import Block, Places, by_part, in_order
from edgebuild.model.attention import OUTPUT, PROJECTIONS, is_attention

if TYPE_CHECKING:
    import torch

_HEADS = re.compile(r"(^|_|num|n)heads?$|^h$")
"""Names of attributes that hold a number of heads: num_heads, heads, n_head, nhead, num_attention_heads, …"""


def numbers_of_heads(module: torch.nn.Module) -> dict[int, list[str]]:
    """Number of heads, of two or more -> the module's attributes that hold it."""
    found: dict[int, list[str]] = {}
    for name, value in vars(module).items():
        if isinstance(value, int) and not isinstance(value, bool) and value > 1 and _HEADS.search(name):
            found.setdefault(value, []).append(name)
    return found


def opened_block(name: str, module: Any) -> Block:
    """The block of an attention that an `open_attention` edit made."""
    heads = int(module.num_heads)
    inner = heads * int(module.head_dim)
    places = {f"{name}.{one}": in_order(heads, inner // heads) for one in PROJECTIONS}
    return Block(name, heads, {"num_heads": heads}, places, f"{name}.{OUTPUT}", in_order(heads, inner // heads))


def blocks_of(model: torch.nn.Module, name: str, called: Sequence[str]) -> Iterator[Block]:
    """Every way in which the module `name` could be an attention, the likeliest first.

    `called` are the linear layers of the model in the order of their first call.
    """
    module = model.get_submodule(name)
    if is_attention(module):
        yield opened_block(name, module)
        return
    inside = [layer for layer in called if layer.startswith(f"{name}." if name else "")]
    sizes = {layer: _sizes(model, layer) for layer in inside}
    for heads, attributes in numbers_of_heads(module).items():
        for position in reversed(range(len(inside))):
            output = inside[position]
            inner = sizes[output][0]
            if inner % heads:
                continue
            counts = dict.fromkeys(attributes, heads)
            wider = {**counts, **_equal_to(module, inner)}
            for projections in _projections(inside[:position], sizes, heads, inner):
                read = in_order(heads, inner // heads)
                yield Block(name, heads, counts, projections, output, read)
                if wider != counts:
                    yield Block(name, heads, wider, projections, output, read)


def _sizes(model: torch.nn.Module, layer: str) -> tuple[int, int]:
    module: Any = model.get_submodule(layer)
    return int(module.in_features), int(module.out_features)


def _equal_to(module: torch.nn.Module, inner: int) -> dict[str, int]:
    """Attributes that hold the width of all heads together."""
    return {name: value for name, value in vars(module).items() if type(value) is int and value == inner}


def _projections(
    before: Sequence[str], sizes: Mapping[str, tuple[int, int]], heads: int, inner: int
) -> Iterator[dict[str, Places]]:
    """Which of the layers called before the output make queries, keys and values: three, two, or one for all."""
    width = inner // heads
    outs = {layer: sizes[layer][1] for layer in before}
    for end in range(len(before), 2, -1):
        three = before[end - 3 : end]
        if all(outs[layer] % heads == 0 for layer in three) and _are_three([outs[layer] for layer in three], inner):
            yield {layer: in_order(heads, outs[layer] // heads) for layer in three}
    for layer in reversed(before):
        if outs[layer] == 3 * inner:
            yield {layer: by_part(heads, width, 3)}
            yield {layer: in_order(heads, 3 * width)}
    for end in range(len(before), 1, -1):
        two = before[end - 2 : end]
        if sorted(outs[layer] for layer in two) == [inner, 2 * inner]:
            single, double = sorted(two, key=lambda layer: outs[layer])
            yield {single: in_order(heads, width), double: by_part(heads, width, 2)}
            yield {single: in_order(heads, width), double: in_order(heads, 2 * width)}


def _are_three(outs: Sequence[int], inner: int) -> bool:
    """Whether one has the width of the values, and two others have the same."""
    return any(outs[value] == inner and len({*outs[:value], *outs[value + 1 :]}) == 1 for value in range(3))
