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
_SIZE = re.compile(r"head_?(dim|size|width)|(dim|size|width)_(per_)?head")
"""Names of attributes that hold the width of a head: head_dim, dim_head, attention_head_size, …"""


def numbers_of_heads(module: torch.nn.Module) -> dict[int, list[str]]:
    """Number of heads, of two or more -> the module's attributes that hold it."""
    found: dict[int, list[str]] = {}
    for name, value in _integers(module).items():
        if value > 1 and _HEADS.search(name) and not _SIZE.search(name):
            found.setdefault(value, []).append(name)
    return found


def sizes_of_heads(module: torch.nn.Module) -> list[int]:
    """Values of the module's attributes for the width of a head: the code may leave their number to a reshape."""
    return [value for name, value in _integers(module).items() if value > 0 and _SIZE.search(name)]


def _integers(module: torch.nn.Module) -> dict[str, int]:
    return {name: value for name, value in vars(module).items() if type(value) is int}


def opened_block(name: str, module: Any) -> Block:
    """The block of an attention that an `open_attention` edit made; its layers may be factorized."""
    heads = int(module.num_heads)
    places = in_order(heads, int(module.head_dim))
    projections = {_one(module, name, part, -1): places for part in PROJECTIONS}
    return Block(name, heads, {"num_heads": heads}, projections, _one(module, name, OUTPUT, 0), places)


def _one(module: torch.nn.Module, name: str, part: str, place: int) -> str:
    """Dotted name of a layer, or of its first or last factor."""
    from torch import nn

    factors = module.get_submodule(part)
    if not isinstance(factors, nn.Sequential):
        return f"{name}.{part}"
    return f"{name}.{part}.{range(len(factors))[place]}"


def blocks_of(model: torch.nn.Module, name: str, called: Sequence[str]) -> Iterator[Block]:
    """Every way in which the module `name` could be an attention, the likeliest first.

    `called` are the linear layers of the model in the order of their first call. The layer that reads what the heads
    found may be the first one behind the module.
    """
    module = model.get_submodule(name)
    if is_attention(module):
        yield opened_block(name, module)
        return
    inside = [layer for layer in called if layer.startswith(f"{name}." if name else "")]
    if not inside:
        return
    behind = called[called.index(inside[-1]) + 1 :][:1]
    sizes = {layer: _sizes(model, layer) for layer in (*inside, *behind)}
    for output in (*reversed(inside), *behind):
        before = inside[: inside.index(output)] if output in inside else inside
        inner = sizes[output][0]
        for heads, attributes in _counts(module, inner).items():
            wider = {**attributes, **_equal_to(module, inner)}
            for projections in _projections(before, sizes, heads, inner):
                read = in_order(heads, inner // heads)
                yield Block(name, heads, attributes, projections, output, read)
                if wider != attributes:
                    yield Block(name, heads, wider, projections, output, read)


def _counts(module: torch.nn.Module, inner: int) -> dict[int, dict[str, int]]:
    """Number of heads that `inner` channels may have -> the attributes that hold it, with their values."""
    found = {
        heads: dict.fromkeys(names, heads) for heads, names in numbers_of_heads(module).items() if inner % heads == 0
    }
    for size in sizes_of_heads(module):
        if inner % size == 0 and inner > size:
            found.setdefault(inner // size, {})
    return found


def _sizes(model: torch.nn.Module, layer: str) -> tuple[int, int]:
    module: Any = model.get_submodule(layer)
    return int(module.in_features), int(module.out_features)


def _equal_to(module: torch.nn.Module, inner: int) -> dict[str, int]:
    """Attributes that hold the width of all heads together."""
    return {name: value for name, value in _integers(module).items() if value == inner}


def _projections(
    before: Sequence[str], sizes: Mapping[str, tuple[int, int]], heads: int, inner: int
) -> Iterator[dict[str, Places]]:
    """Which of the layers called before the output make queries, keys and values: three, two, or one for all."""
    width = inner // heads
    outs = {layer: sizes[layer][1] for layer in before}
    fitting = [layer for layer in before if outs[layer] == inner]
    windows = [fitting[-3:], *(before[end - 3 : end] for end in range(len(before), 2, -1))]
    for three in windows if len(fitting) > 2 else windows[1:]:
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
