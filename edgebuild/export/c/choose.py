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
