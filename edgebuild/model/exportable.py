"""Whether a model takes the project's inputs and can be exported; if not, which layer and line stops it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebuild.errors import ConfigError
from edgebuild.model.user_code import describe_exception, user_location

if TYPE_CHECKING:
    import torch


def example_tensors(inputs: Mapping[str, np.ndarray], batch: int = 1) -> tuple[torch.Tensor, ...]:
    """The first `batch` samples of every input as tensors, in order."""
    import torch

    return tuple(torch.from_numpy(np.array(array[:batch])) for array in inputs.values())


def run_once(
    model: torch.nn.Module, inputs: Mapping[str, np.ndarray], project_root: Path, names: Sequence[str] = ()
) -> dict[str, tuple[int, ...]]:
    """Run the model on one sample and return output name -> shape with the batch dimension.

    `names` are the outputs' names as the project gives them.

    Raises:
        ConfigError: the model cannot take the inputs (the layer and the user's line are named), or its outputs are
            not as many as the names.
    """
    import torch

    from edgebuild.model.evaluate import named_outputs

    try:
        with torch.no_grad():
            result = model(*example_tensors(inputs))
    except Exception as error:  # the user's forward may raise anything, and all of it is theirs to mend
        found = ", ".join(f"{name} {array.dtype} {tuple(array.shape[1:])}" for name, array in inputs.items())
        place = _where(model, error, project_root)
        msg = f"the model cannot take the data's inputs ({found}){place}: {describe_exception(error)}"
        raise ConfigError(msg, remedy="make the shapes of the data and the model's first layers agree") from error
    return {name: tuple(output.shape) for name, output in named_outputs(result, names).items()}


def check_exportable(
    model: torch.nn.Module, inputs: Mapping[str, np.ndarray], project_root: Path
) -> torch.export.ExportedProgram:
    """Trace the model with `torch.export` on one sample, as every export format does, and return the program.

    Raises:
        ConfigError: it cannot be traced; the layer and the user's line are named.
    """
    import torch

    try:
        with torch.no_grad():
            return torch.export.export(model, example_tensors(inputs))
    except Exception as error:  # torch.export raises errors of many unrelated types for the user's control flow
        msg = f"the model cannot be exported{_where(model, error, project_root)}: {_obstacle(error)}"
        remedy = "forward may not depend on the values of tensors: use torch.where or torch.cond, no .item() or numpy"
        raise ConfigError(msg, remedy=remedy) from error


def _where(model: torch.nn.Module, error: BaseException, project_root: Path) -> str:
    layer = _failing_layer(model, error.__traceback__)
    place = user_location(error, project_root)
    parts = ([f"in layer {layer!r}"] if layer else []) + ([f"at {place}"] if place else [])
    return f" {' '.join(parts)}" if parts else ""


def _failing_layer(model: torch.nn.Module, trace: TracebackType | None) -> str | None:
    """Dotted name of the innermost module that was running."""
    names = {id(module): name for name, module in model.named_modules() if name}
    found = None
    while trace is not None:
        owner: Any = trace.tb_frame.f_locals.get("self")
        found = names.get(id(owner), found)
        trace = trace.tb_next
    return found


def _obstacle(error: BaseException) -> str:
    """What stops the tracer; its own words for the most common case speak of its inner symbols."""
    if type(error).__name__ in _VALUE_DEPENDENT:
        return "what happens there depends on the values of a tensor"
    return describe_exception(error)


_VALUE_DEPENDENT = ("GuardOnDataDependentSymNode", "DataDependentOutputException", "DynamicOutputShapeException")
