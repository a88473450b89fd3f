"""The whole state of a training between two epochs, and going on from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from edgebuild.model.checkpoint import Snapshot, random_state, set_random_state

if TYPE_CHECKING:
    import torch

    from edgebuild.model.train import Course
    from edgebuild.model.train_loop import Loop


def fingerprint(loop: Loop, seed: int) -> dict[str, Any]:
    """What two trainings must have in common for one to go on where the other was."""
    return {
        "settings": asdict(loop.settings),
        "seed": seed,
        "samples": loop.data.length,
        "trained": [list(parameter.shape) for parameter in loop.trained()],
        "additions": [type(addition).__name__ for addition in loop.additions],
    }


def snapshot(loop: Loop, course: Course) -> Snapshot:
    """Model, best model, optimizer, additions, order of the samples, generators, and the history so far."""
    chance = random_state()
    tensors = {
        **_named("model", loop.model.state_dict()),
        **_named("best", course.best_state),
        **_named("chance", chance.tensors),
    }
    slots: list[dict[str, Any]] = []
    for number, parameter in enumerate(loop.trained()):
        tensors[f"trained.{number}"] = parameter
        slots.append(_plain(loop.optimizer.state.get(parameter, {}), f"optimizer.{number}", tensors))
    for number, addition in enumerate(loop.additions):
        tensors |= _named(f"addition.{number}", addition.state())
    values = {
        "step": loop.step,
        "order": loop.order.bit_generator.state,
        "optimizer": slots,
        "chance": chance.values,
        "history": [row.to_json() for row in course.history],
        "best": course.best,
    }
    return Snapshot(tensors, values)


def restore(loop: Loop, course: Course, found: Snapshot) -> None:
    """Put everything back; additions are attached already."""
    import torch

    values, tensors = found.values, found.tensors
    loop.model.load_state_dict(_part("model", tensors))
    with torch.no_grad():
        for number, parameter in enumerate(loop.trained()):
            parameter.copy_(tensors[f"trained.{number}"])
            moments = _part(
                f"optimizer.{number}", tensors
            )  # they lie where the weight does; the count of steps does not
            placed = {name: one if name == "step" else one.to(parameter.device) for name, one in moments.items()}
            kept = {**values["optimizer"][number], **placed}
            if kept:
                loop.optimizer.state[parameter] = kept
    loop.step = int(values["step"])
    loop.order.bit_generator.state = values["order"]
    for number, addition in enumerate(loop.additions):
        addition.restore(_part(f"addition.{number}", tensors))
        if loop.step:
            addition.after_step(loop.model, loop.step / loop.total)
    course.take(values["history"], values["best"], _part("best", tensors))
    set_random_state(Snapshot(_part("chance", tensors), values["chance"]))


def _named(prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {f"{prefix}.{name}": value for name, value in tensors.items()}


def _part(prefix: str, tensors: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    start = f"{prefix}."
    return {name.removeprefix(start): value for name, value in tensors.items() if name.startswith(start)}


def _plain(state: Mapping[str, Any], prefix: str, tensors: dict[str, torch.Tensor]) -> dict[str, Any]:
    """The optimizer's state of one parameter: tensors go into `tensors`, numbers are returned."""
    import torch

    numbers = {}
    for name, value in state.items():
        if isinstance(value, torch.Tensor):
            tensors[f"{prefix}.{name}"] = value
        else:
            numbers[name] = value
    return numbers
