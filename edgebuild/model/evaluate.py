"""Outputs of a PyTorch model for arrays of inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebuild.errors import ConfigError

if TYPE_CHECKING:
    import torch


def predict(
    model: torch.nn.Module, inputs: Mapping[str, np.ndarray], batch: int = 64, names: Sequence[str] = ()
) -> dict[str, np.ndarray]:
    """Run the model as it is (the caller puts it in eval mode) over all samples.

    Args:
        model: takes the inputs by position.
        inputs: input name -> [n, ...], in the order of the model's arguments.
        batch: samples per call; an exported program of one batch size gets that.
        names: of the outputs; where empty, the keys of a mapping, else `output` or `output_0`, `output_1`, …

    Returns:
        Output name -> [n, ...].

    Raises:
        ConfigError: the model's outputs are not tensors, or not as many as `names`.
    """
    import torch

    length = len(next(iter(inputs.values())))
    batch = fixed_batch(model) or batch
    pieces: dict[str, list[np.ndarray]] = {}
    with torch.no_grad():
        for start in range(0, length, batch):
            tensors = [torch.from_numpy(np.array(array[start : start + batch])) for array in inputs.values()]
            for name, value in named_outputs(model(*tensors), names).items():
                pieces.setdefault(name, []).append(value.detach().cpu().numpy())
    return {name: np.concatenate(parts) for name, parts in pieces.items()}


def fixed_batch(model: torch.nn.Module) -> int | None:
    """The only batch size that an exported program takes; None where it takes any, as other modules do."""
    import torch

    if not isinstance(model, torch.fx.GraphModule):
        return None
    values = [node.meta.get("val") for node in model.graph.nodes if node.op == "placeholder"]
    sizes = [value.shape[0] for value in values if isinstance(value, torch.Tensor) and value.dim()]
    return next((size for size in sizes if isinstance(size, int)), None)


def named_outputs(result: Any, names: Sequence[str] = ()) -> dict[str, torch.Tensor]:
    """What a model returned (a tensor, a sequence or a mapping of tensors) by name.

    Raises:
        ConfigError: something else, or not as many outputs as `names`.
    """
    import torch

    if isinstance(result, Mapping):
        values = {str(key): value for key, value in result.items()}
    elif isinstance(result, (tuple, list)):
        values = {f"output_{position}": value for position, value in enumerate(result)}
    else:
        values = {"output": result}
    for key, value in values.items():
        if not isinstance(value, torch.Tensor):
            msg = f"the model's output {key!r} is of type {type(value).__name__}, expected a tensor"
            raise ConfigError(msg, remedy="return a tensor, a tuple of tensors or a mapping of tensors")
    if names and len(names) != len(values):
        msg = f"model.outputs names {len(names)} outputs ({', '.join(names)}), the model returned {len(values)}"
        raise ConfigError(msg, remedy="name every output in model.outputs, in the order in which forward returns them")
    return dict(zip(names or values, values.values(), strict=True))
