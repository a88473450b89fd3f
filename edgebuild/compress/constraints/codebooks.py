"""The constraint of shared weights: what has one value keeps one value, which is what training moves."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebuild.compress.constraints import CONSTRAINTS
from edgebuild.errors import ConfigError
from edgebuild.model.addition import Addition

if TYPE_CHECKING:
    import torch

CODEBOOKS = "codebooks"


def codebooks(scopes: Mapping[str, str], keep_zeros: bool) -> dict[str, Any]:
    """The constraint as JSON; `scopes`: parameter's dotted name -> `per_layer` or `per_channel`.

    Who has which value is in the weights themselves.
    """
    return {"constraint": CODEBOOKS, "scopes": dict(scopes), "keep_zeros": keep_zeros}


@dataclass(frozen=True)
class _Shared:
    """One parameter, its values (trained in its place), and the position among them of each of its numbers [n]."""

    parameter: torch.nn.Parameter
    values: torch.nn.Parameter
    index: torch.Tensor
    zero: torch.Tensor
    """True for the values that stay zero."""


class SharedValues(Addition):
    """Trains the values of codebooks in the place of the weights that share them.

    The gradient of a value is the sum of those of all weights that have it (Han et al., 2016, section 3.3). The weights
    get none, so that momentum and decay work on the values alone.
    """

    def __init__(self, scopes: Mapping[str, str], keep_zeros: bool) -> None:
        """`scopes`: parameter's dotted name -> `per_layer` or `per_channel`; equal numbers in it are one value."""
        self._scopes, self._keep_zeros = dict(scopes), keep_zeros
        self._shared: list[_Shared] = []

    @contextlib.contextmanager
    def attached(self, model: torch.nn.Module, sample: tuple[torch.Tensor, ...]) -> Iterator[None]:
        """Find the parameters and read the values from them.

        Raises:
            ConfigError: the model has no such parameter.
        """
        own = dict(model.named_parameters(remove_duplicate=False))
        missing = [name for name in self._scopes if name not in own]
        if missing:
            msg = f"the codebook of {missing[0]!r} does not fit: there is no such parameter"
            raise ConfigError(msg, remedy="put what changes the structure before cluster")
        self._shared = [self._read(own[name], scope) for name, scope in self._scopes.items()]
        yield
        self._shared = []

    def _read(self, parameter: torch.nn.Parameter, scope: str) -> _Shared:
        import torch

        rows = parameter.detach().reshape(1 if scope == "per_layer" else len(parameter), -1)
        values, places, count = [], [], 0
        for row in rows:
            distinct, inverse = row.unique(return_inverse=True)
            values.append(distinct)
            places.append(inverse + count)
            count += len(distinct)
        together = torch.cat(values)
        zero = (together == 0) & self._keep_zeros
        return _Shared(parameter, torch.nn.Parameter(together.clone()), torch.cat(places), zero)

    def parameters(self) -> Sequence[torch.nn.Parameter]:
        """The values."""
        return [shared.values for shared in self._shared]

    def after_backward(self, model: torch.nn.Module, done: float) -> None:
        """Hand the gradients of the weights to their values."""
        import torch

        for shared in self._shared:
            if shared.parameter.grad is None:
                continue
            total = torch.zeros_like(shared.values)
            total.index_add_(0, shared.index, shared.parameter.grad.flatten())
            shared.values.grad = total.masked_fill_(shared.zero, 0.0)
            shared.parameter.grad = None

    def after_step(self, model: torch.nn.Module, done: float) -> None:
        """Give every weight its value."""
        for shared in self._shared:
            shared.values.data.masked_fill_(shared.zero, 0.0)
            shared.parameter.data.copy_(shared.values.data[shared.index].reshape(shared.parameter.shape))


@CONSTRAINTS.register(CODEBOOKS)
def share_values(folder: Path, constraint: Mapping[str, Any]) -> Addition:
    """The codebooks of the model in the folder, kept through training."""
    return SharedValues(constraint["scopes"], bool(constraint["keep_zeros"]))
