"""Outputs of inner layers: found by name, taken from a forward pass by hooks."""

from __future__ import annotations

import contextlib
import difflib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from edgebuild.compress.distil.kinds import Pair
from edgebuild.errors import ConfigError
from edgebuild.model.precision import full

if TYPE_CHECKING:
    import torch


_SHOWN = 8


class Taps:
    """The last output of some layers of a model, by dotted name."""

    def __init__(self, owner: str, names: Sequence[str]) -> None:
        """`owner` is what the model is called in messages."""
        self._owner, self._names = owner, tuple(dict.fromkeys(names))
        self.outputs: dict[str, torch.Tensor] = {}

    @contextlib.contextmanager
    def on(self, model: torch.nn.Module) -> Iterator[None]:
        """Listen to the layers.

        Raises:
            ConfigError: the model has no layer of a name.
        """
        modules = dict(model.named_modules())
        for name in self._names:
            if name not in modules:
                near = difflib.get_close_matches(name, modules, n=1)
                known = [name for name in modules if name]
                listed = ", ".join(known[:_SHOWN]) + (", …" if len(known) > _SHOWN else "")
                hint = f"; did you mean {near[0]!r}?" if near else f"; it has {listed}"
                msg = f"distil: the {self._owner} has no layer {name!r}{hint}"
                raise ConfigError(msg, remedy="correct the name under layers: {student's: teacher's}")
        handles = [modules[name].register_forward_hook(self._hook(name)) for name in self._names]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()
            self.outputs.clear()

    def take(self) -> dict[str, torch.Tensor]:
        """What the last forward pass gave.

        Raises:
            ConfigError: a layer was not called, or gave no single tensor.
        """
        import torch

        for name in self._names:
            value: Any = self.outputs.get(name)
            if not isinstance(value, torch.Tensor) or value.ndim < 2:
                found = "is not called" if value is None else "gives no tensor with a batch of vectors"
                msg = f"distil: layer {name!r} of the {self._owner} {found}"
                raise ConfigError(msg, remedy="name another layer under layers: {student's: teacher's}")
        return {name: full(value) for name, value in self.outputs.items()}

    def _hook(self, name: str) -> Any:
        def keep(_module: object, _inputs: object, output: Any) -> None:
            self.outputs[name] = output

        return keep


def pair_of(model: torch.nn.Module, names: tuple[str, str], outputs: tuple[torch.Tensor, torch.Tensor]) -> Pair:
    """Two layers by name, student's first, with their outputs on a sample.

    Channels come last behind a layer that works on the last dimension, and in sequences of which only the last
    dimension differs; else they are dimension 1.

    Raises:
        ConfigError: the outputs have another number of dimensions.
    """
    from torch import nn

    shapes = (tuple(outputs[0].shape), tuple(outputs[1].shape))
    if len(shapes[0]) != len(shapes[1]):
        msg = (
            f"distil: layer {names[0]!r} of the student gives {shapes[0][1:]} a sample and {names[1]!r} of the teacher "
            f"{shapes[1][1:]}; expected the same number of dimensions"
        )
        raise ConfigError(msg, remedy="name layers that fit under layers: {student's: teacher's}")
    last = isinstance(model.get_submodule(names[0]), (nn.Linear, nn.LayerNorm, nn.Embedding))
    only_last = len(shapes[0]) == 3 and shapes[0][1] == shapes[1][1] and shapes[0][2] != shapes[1][2]
    return Pair(names[0], names[1], shapes, len(shapes[0]) - 1 if last or only_last else 1)
