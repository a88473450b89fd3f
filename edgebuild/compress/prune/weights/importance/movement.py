"""Movement: masks are learned with the weights; what training moves away from zero stays."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from edgebuild.compress.prune.weights.importance import WEIGHT_IMPORTANCES, Choose, LearnedMasks, WeightImportance

if TYPE_CHECKING:
    import torch

_UPDATES = 100
"""How often in a training the masks are chosen anew."""
_LEARNING = 0.8
"""Share of the training after which as much is zero as was asked; the rest settles which weights."""


class Movement(LearnedMasks):
    """Scores that follow -gradient x weight, and masks of the highest ones.

    Sanh, Wolf, Rush, Movement Pruning: Adaptive Sparsity by Fine-Tuning, NeurIPS 2020, sections 3 and 4: the model
    computes with masked weights; the gradient passes through the mask to the scores of all weights, those at zero too,
    so that a weight may come back. A weight itself is trained while it is not masked. Scores begin at zero and are
    moved by plain gradient descent, so that its rate only scales them and is left out.
    """

    def __init__(
        self,
        weights: Mapping[str, torch.nn.Parameter],
        choose: Choose,
        schedule: Callable[[float], float],
    ) -> None:
        import torch

        super().__init__(weights, choose, schedule)
        self._scores = {name: torch.zeros_like(weight) for name, weight in weights.items()}
        self._whole = {name: weight.detach().clone() for name, weight in weights.items()}
        self._stepped = False

    @contextlib.contextmanager
    def attached(self, model: torch.nn.Module, sample: tuple[torch.Tensor, ...]) -> Iterator[None]:
        """The weights are masked from the first step on, though at first with few zeros."""
        for held in (self._scores, self._whole, self.masks):
            held.update({name: held[name].to(weight.device) for name, weight in self._weights.items()})
        self._show()
        yield

    def after_backward(self, model: torch.nn.Module, done: float) -> None:
        """Move the scores, and give the optimizer the whole weights."""
        for name, weight in self._weights.items():
            if weight.grad is not None:
                self._scores[name] -= weight.grad * self._whole[name]
                weight.grad.mul_(self.masks[name])
            weight.data.copy_(self._whole[name])
        self._stepped = True

    def after_step(self, model: torch.nn.Module, done: float) -> None:
        """Keep the whole weights, choose the masks anew where it is time, and mask."""
        if self._stepped:
            self._stepped = False
            for name, weight in self._weights.items():
                self._whole[name].copy_(weight.data)
            if int(done * _UPDATES) != self._updates or done >= 1:
                self._updates = int(done * _UPDATES)
                self.masks = self._choose(self._scores, self._schedule(min(done / _LEARNING, 1.0)))
        self._show()

    def state(self) -> dict[str, torch.Tensor]:
        """Scores, whole weights and masks."""
        import torch

        parts = {"scores": self._scores, "whole": self._whole, "masks": self.masks}
        found = {f"{part}.{name}": value for part, values in parts.items() for name, value in values.items()}
        return {**found, "updates": torch.tensor(self._updates)}

    def restore(self, state: Mapping[str, torch.Tensor]) -> None:
        """Go on from them."""
        for name in self._weights:
            self._scores[name].copy_(state[f"scores.{name}"])
            self._whole[name].copy_(state[f"whole.{name}"])
            self.masks[name] = state[f"masks.{name}"]
        self._updates = int(state["updates"])

    def _show(self) -> None:
        for name, weight in self._weights.items():
            weight.data.copy_(self._whole[name] * self.masks[name])


WEIGHT_IMPORTANCES.register("movement")(WeightImportance("training moves it away from zero", learned=Movement))
