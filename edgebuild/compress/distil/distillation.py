"""What a student learns from its teachers in every step of training."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from edgebuild.compress.distil.kinds import DISTIL_KINDS, Comparison, Seen
from edgebuild.compress.distil.layers import Taps, pair_of
from edgebuild.compress.distil.parameters import TEMPERATURE, Distil, Term
from edgebuild.compress.distil.teacher import Teacher
from edgebuild.errors import ConfigError
from edgebuild.model.addition import Addition, TrainStep
from edgebuild.model.precision import FULL, forward

if TYPE_CHECKING:
    import torch


class Distillation(Addition):
    """The terms of one table of distillation, averaged over the teachers."""

    def __init__(self, distil: Distil, teachers: Sequence[Teacher], project_root: Path) -> None:
        self._terms, self._teachers, self._root = distil.terms(), list(teachers), project_root
        shares = [term.weighs() for term in self._terms if DISTIL_KINDS.get(term.kind).shares]
        self.task_share = 1.0 - sum(shares)
        self._student = Taps("student", [name for term in self._terms for name in term.layers])
        layers = [name for term in self._terms for name in term.layers.values()]
        self._taps = [Taps(f"teacher ({teacher.name})", layers) for teacher in self._teachers]
        self._comparisons: list[list[Comparison]] = []

    @contextlib.contextmanager
    def attached(self, model: torch.nn.Module, sample: tuple[torch.Tensor, ...]) -> Iterator[None]:
        """Listen to the layers of the student and the teachers, and see that the two fit together.

        Raises:
            ConfigError: a teacher cannot take the inputs or has other outputs, or layers do not fit.
        """
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._student.on(model))
            for taps, teacher in zip(self._taps, self._teachers, strict=True):
                stack.enter_context(taps.on(teacher.model.to(sample[0].device)))
            self._compare_on(model, sample)
            yield
        self._comparisons = []

    def parameters(self) -> list[torch.nn.Parameter]:
        """Those of the comparisons, such as learned projections."""
        return [parameter for row in self._comparisons for comparison in row for parameter in comparison.parameters()]

    def loss(self, step: TrainStep) -> torch.Tensor:
        """Every term with its weight, the mean over the teachers."""
        ours = self._student.take()
        output = next(iter(step.outputs.values()))
        total = output.new_zeros(())
        for teacher, taps, row in zip(self._teachers, self._taps, self._comparisons, strict=True):
            answer = self._ask(teacher, step.inputs, step.precision)
            theirs = taps.take()
            for term, comparison in zip(self._terms, row, strict=True):
                layers = tuple((ours[one], theirs[other]) for one, other in term.layers.items())
                seen = Seen(output, answer, layers, step.targets)
                total = total + term.weighs() / len(self._teachers) * comparison.loss(seen)
        return total

    def _compare_on(self, model: torch.nn.Module, sample: tuple[torch.Tensor, ...]) -> None:
        """Make the comparisons, from the shapes that a sample has in the layers."""
        import torch

        from edgebuild.model.evaluate import named_outputs

        was_training = model.training
        model.eval()
        with torch.no_grad():
            output = next(iter(named_outputs(model(*sample)).values()))
        model.train(was_training)
        ours = self._student.take()
        for teacher, taps in zip(self._teachers, self._taps, strict=True):
            answer = self._ask(teacher, sample)
            if answer.shape != output.shape:
                msg = (
                    f"distil: the teacher ({teacher.name}) gives {tuple(answer.shape[1:])} a sample and the student "
                    f"{tuple(output.shape[1:])}; expected one shape"
                )
                raise ConfigError(msg, remedy="give the teacher and the student the same outputs, the same one first")
            self._comparisons.append([_comparison(term, model, ours, taps.take()) for term in self._terms])

    def _ask(self, teacher: Teacher, inputs: tuple[torch.Tensor, ...], precision: str = FULL) -> torch.Tensor:
        """The teacher's first output, without a graph."""
        import torch

        from edgebuild.model.user_code import user_errors

        with torch.no_grad(), user_errors(f"distil: the teacher ({teacher.name}) failed", self._root):
            return next(iter(forward(teacher.model, inputs, precision).values()))


def _comparison(
    term: Term, model: torch.nn.Module, ours: dict[str, torch.Tensor], theirs: dict[str, torch.Tensor]
) -> Comparison:
    pairs = [pair_of(model, (one, other), (ours[one], theirs[other])) for one, other in term.layers.items()]
    temperature = TEMPERATURE if term.temperature is None else term.temperature
    return DISTIL_KINDS.get(term.kind).compare(pairs, temperature)
