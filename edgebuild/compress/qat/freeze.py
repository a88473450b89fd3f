"""Freezing ranges and batch norm statistics in the course of training, so that the weights settle on fixed steps."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import TYPE_CHECKING

from edgebuild.model.addition import Addition
from edgebuild.model.fakequant.instrument import Instrumented

if TYPE_CHECKING:
    import torch


class Freeze(Addition):
    """Holds ranges and statistics from a share of the steps on (Krishnamoorthi, 2018, sections 3.2.2 and 3.2.3)."""

    def __init__(self, instrumented: Instrumented, after: float) -> None:
        self._instrumented, self._after = instrumented, after

    def objects_to(self, processes: int, device: str) -> str | None:
        """Its graph was traced on the CPU, and the constants in it stay there."""
        return None if device == "cpu" else "the roundings of qat are on the CPU"

    @contextlib.contextmanager
    def attached(self, model: torch.nn.Module, sample: tuple[torch.Tensor, ...]) -> Iterator[None]:
        """Let everything follow the data, until it is time."""
        self._set(frozen=False)
        yield

    def after_step(self, model: torch.nn.Module, done: float) -> None:
        """Freeze, once enough of the training is done."""
        if done >= self._after:
            self._set(frozen=True)

    def _set(self, *, frozen: bool) -> None:
        for found in self._instrumented.ranges:
            found.observing = not frozen
        for folded in self._instrumented.folded.values():
            folded.frozen = frozen
