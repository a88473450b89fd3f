"""Self-attention around the layers of a module that was written by hand, with any number of heads."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import torch

Order = Literal["parts", "heads"]
"""Of a layer that makes all three: queries, keys and values of all heads in turn, or of one head side by side."""


@dataclass(frozen=True)
class Form:
    """How a module attends.

    Attributes:
        heads: how many it has.
        head_dim: channels of each.
        projections: names of the layers inside the module that make queries, keys and values; one name, or three.
        order: what one layer makes; of three it is `parts`.
        output: name of the layer that reads what the heads found.
        causal: whether no position sees a later one.
        weights_dropout: name of the dropout on the weights of the attention, or empty.
        output_dropout: name of the one behind the output, or empty.
    """

    heads: int
    head_dim: int
    projections: tuple[str, ...]
    order: Order
    output: str
    causal: bool
    weights_dropout: str = ""
    output_dropout: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {**asdict(self), "projections": list(self.projections)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> Form:
        """Read what `to_json` gave."""
        return cls(**{**data, "projections": tuple(data["projections"])})


def adopted(module: torch.nn.Module, form: Form) -> torch.nn.Module:
    """A module that attends as `form` says, with the layers and buffers of `module` under their names."""
    new: torch.nn.Module = _class()(module, form)
    return new


@functools.cache
def _class() -> Any:
    """The class, which torch is needed to define."""
    import torch
    from torch import nn

    class SelfAttention(nn.Module):
        """Scaled dot-product attention of a sequence to itself (Vaswani et al., NIPS 2017, section 3.2)."""

        def __init__(self, origin: nn.Module, form: Form) -> None:
            super().__init__()
            for name, child in origin.named_children():
                self.add_module(name, child)
            for name, buffer in origin.named_buffers(recurse=False):
                self.register_buffer(name, buffer, persistent=name not in origin._non_persistent_buffers_set)
            self.form, self.num_heads, self.head_dim = form, form.heads, form.head_dim
            self.train(origin.training)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            """[n, length, channels] -> the same shape."""
            q, k, v = self._three(x)
            scores = q @ k.transpose(-2, -1) * self.head_dim**-0.5
            if self.form.causal:
                later = torch.ones(scores.shape[-2:], dtype=torch.bool, device=x.device).triu(1)
                scores = scores.masked_fill(later, float("-inf"))
            mixed = self._dropped(scores.softmax(-1), self.form.weights_dropout) @ v
            out = self.get_submodule(self.form.output)(mixed.transpose(1, 2).flatten(2))
            return self._dropped(out, self.form.output_dropout)

        def _three(self, x: torch.Tensor) -> Sequence[torch.Tensor]:
            """Queries, keys and values, [n, heads, length, head_dim] each."""
            made = [self.get_submodule(name)(x) for name in self.form.projections]
            if self.form.order == "heads":
                split = made[0].unflatten(-1, (self.num_heads, 3, self.head_dim)).transpose(1, 2)
                return [split[:, :, :, part] for part in range(3)]
            parts = made if len(made) > 1 else made[0].chunk(3, -1)
            return [part.unflatten(-1, (self.num_heads, self.head_dim)).transpose(1, 2) for part in parts]

        def _dropped(self, x: torch.Tensor, dropout: str) -> torch.Tensor:
            result: torch.Tensor = self.get_submodule(dropout)(x) if dropout else x
            return result

    return SelfAttention
