"""Which kernel computes each layer: the cheapest that the core can run, unless the caller names one."""

from __future__ import annotations

from collections.abc import Mapping

from edgebuild.errors import ConfigError, InternalError
from edgebuild.export.c.cores import Core
from edgebuild.export.c.graph import Node
from edgebuild.export.c.kernel import KERNELS, Kernel, kernels_of


def candidates(node: Node, core: Core) -> list[tuple[str, Kernel]]:
    """Every kernel that can compute the node on the core, cheapest first."""
    able = [
        (name, kernel)
        for name, kernel in kernels_of(node.op)
        if kernel.features <= core.features and kernel.supports(node)
    ]
    return sorted(able, key=lambda entry: (entry[1].cost(node), entry[0]))


def choose_kernel(node: Node, symbol: str, core: Core, wanted: Mapping[str, str]) -> tuple[str, Kernel]:
    """Return (name, kernel) for the layer called `symbol`; `wanted` maps symbols to names of kernels.

    Raises:
        ConfigError: the wanted kernel does not exist or cannot compute this layer.
    """
    able = candidates(node, core)
    if symbol in wanted:
        name = wanted[symbol]
        kernel = KERNELS.get(name)
        if name not in dict(able):
            msg = f"kernel {name!r} cannot compute {symbol} ({node.op}, layer {node.layer!r}) on {core.name}"
            raise ConfigError(msg, remedy=f"take one of: {', '.join(name for name, _ in able)}")
        return name, kernel
    if not able:
        msg = f"{node.op} (layer {node.layer!r}) passed the checks, but no kernel computes it"
        raise InternalError(msg)
    return able[0]


def lighter_kernels(chosen: Mapping[str, tuple[Node, Kernel]], core: Core, excess: int) -> dict[str, str]:
    """Symbol -> kernel that stores the layer's weights in fewer bytes: largest savings first, until `excess` is saved.

    Args:
        chosen: symbol -> node and the kernel that would compute it.
        core: what it is for.
        excess: bytes to save; nothing changes where it is 0 or less.
    """
    savings = []
    for symbol, (node, kernel) in chosen.items():
        lightest = min(candidates(node, core), key=lambda entry: entry[1].weight_bytes(node))
        saved = kernel.weight_bytes(node) - lightest[1].weight_bytes(node)
        if saved > 0:
            savings.append((saved, symbol, lightest[0]))
    lighter: dict[str, str] = {}
    for saved, symbol, name in sorted(savings, key=lambda entry: (-entry[0], entry[1])):
        if excess <= 0:
            break
        lighter[symbol] = name
        excess -= saved
    return lighter
