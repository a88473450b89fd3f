"""In which order a model calls its modules."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def call_order(model: torch.nn.Module, sample: tuple[torch.Tensor, ...]) -> list[str]:
    """Dotted names of the modules that `model(*sample)` calls, in the order in which their first call ends."""
    import torch

    called: dict[str, None] = {}
    names = {module: name for name, module in model.named_modules()}
    handles = [
        module.register_forward_hook(lambda module, _inputs, _output: called.setdefault(names[module]))
        for module in names
    ]
    try:
        with torch.no_grad():
            model(*sample)
    finally:
        for handle in handles:
            handle.remove()
    return list(called)
