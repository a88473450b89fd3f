"""PyTorch model -> float .tflite, with the user's names for inputs, outputs and layers."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebuild.errors import ConfigError
from edgebuild.export.format import Layout
from edgebuild.export.tflite.cancel_transposes import cancel_transposes
from edgebuild.export.tflite.names import rename
from edgebuild.export.tflite.prepare import prepare
from edgebuild.runtime.litert_flatbuffer import parse_model, serialize_model
from edgebuild.runtime.litert_quiet import quiet

if TYPE_CHECKING:
    import torch

    from edgebuild.model.data_folder import InputSpec

_WRAPPED = "model"


@dataclass(frozen=True)
class FloatModel:
    """A converted model.

    Attributes:
        data: the .tflite, float32; tensors are called `layer/operation`, `layer/weight`, `layer/bias`, or as the user
            calls an input or output.
        layers: dotted names of the user's layers with parameters, in forward order.
        output_layers: name of an output tensor -> layer that makes it (its own name no longer says so).
        channel_last: names of the inputs and outputs that are NHWC.
    """

    data: bytes
    layers: tuple[str, ...]
    output_layers: dict[str, str]
    channel_last: frozenset[str]


def convert(
    module: torch.nn.Module,
    inputs: Sequence[InputSpec],
    output_names: Sequence[str],
    layout: Layout,
    project_root: Path,
) -> FloatModel:
    """Convert `module` with batch 1; with `nhwc` every 4-D input and output becomes channel last.

    `inputs` are in the order of the model's arguments; `project_root` lets messages name the user's own line. The same
    module gives the same bytes.

    Raises:
        ConfigError: the model cannot be exported, or LiteRT has no operation for a part of it.
    """
    import torch

    zeros = {spec.name: np.zeros((1, *spec.shape), spec.dtype) for spec in inputs}
    with quiet("torch.export"):
        prepared = prepare(module, zeros, output_names, project_root)
    samples = [torch.from_numpy(zero) for zero in zeros.values()]
    to_last_in = {index for index, sample in enumerate(samples) if layout == "nhwc" and sample.ndim == 4}
    to_last_out = {index for index, rank in enumerate(prepared.output_ranks) if layout == "nhwc" and rank == 4}
    wrapped = _with_layout(prepared.module, to_last_in, to_last_out, len(output_names))
    arguments = {
        f"input_{index}": sample.permute(0, 2, 3, 1).contiguous() if index in to_last_in else sample
        for index, sample in enumerate(samples)
    }
    model = parse_model(_lower(wrapped, arguments), "the converted model")
    cancel_transposes(model)
    input_names = [spec.name for spec in inputs]
    weights = {layer: _numbers(prepared.module.get_submodule(layer)) for layer in prepared.layers}
    output_layers = rename(model, input_names, output_names, prepared.output_layers, weights)
    channel_last = {input_names[index] for index in to_last_in} | {output_names[index] for index in to_last_out}
    return FloatModel(serialize_model(model), prepared.layers, output_layers, frozenset(channel_last))


def _numbers(layer: torch.nn.Module) -> list[np.ndarray]:
    return [parameter.detach().numpy() for parameter in layer.parameters(recurse=False) if parameter.ndim > 1]


def _with_layout(module: torch.nn.Module, inputs: set[int], outputs: set[int], output_count: int) -> torch.nn.Module:
    """Wrap `module`: arguments are `input_<i>`, results are `output_<i>`, and those in the sets are channel last."""
    import torch
    from torch.utils import _pytree

    class Layouts(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.add_module(_WRAPPED, module)

        def forward(self, **arguments: torch.Tensor) -> dict[str, torch.Tensor]:
            ordered = [arguments[f"input_{index}"] for index in range(len(arguments))]
            given = [x.permute(0, 3, 1, 2) if index in inputs else x for index, x in enumerate(ordered)]
            results = _pytree.tree_leaves(getattr(self, _WRAPPED)(*given))
            return {
                f"output_{index}": results[index].permute(0, 2, 3, 1) if index in outputs else results[index]
                for index in range(output_count)
            }

    return Layouts().eval()


def _lower(module: torch.nn.Module, arguments: dict[str, torch.Tensor]) -> bytes:
    with quiet("litert_torch"):
        import litert_torch

        litert_torch.config.show_progress = False
        try:
            with _dotted_layer_names(module):
                edge = litert_torch.convert(module, sample_kwargs=arguments)
        except Exception as error:
            msg = f"LiteRT cannot convert the model: {_reason(error, module)}"
            raise ConfigError(msg, remedy="replace that operation by one that TFLite has") from error
        return bytes(edge.model_content())


def _reason(error: Exception, module: torch.nn.Module) -> str:
    text = str(error).strip()
    illegal = re.search(r"(\S+\.py):(\d+):\d+: error: failed to legalize operation '([^']+)'", text)
    if illegal:
        layers = _layers_at(module, illegal[1], int(illegal[2]))
        return f"there is no TFLite operation for {' or '.join(layers) or illegal[3]} as it is used here ({illegal[3]})"
    return f"{type(error).__name__}: {text.partition(chr(10))[0][:300]}"


def _layers_at(module: torch.nn.Module, file: str, line: int) -> list[str]:
    """The layers whose `forward` has this line: `layer 'up' (ConvTranspose2d)`; several where they share a class."""
    found = []
    for name, layer in module.named_modules():
        code = getattr(type(layer).forward, "__code__", None)
        if code is not None and code.co_filename == file and line in {number for *_, number in code.co_lines()}:
            own = name.removeprefix(_WRAPPED).removeprefix(".")
            found.append(f"layer {own!r} ({type(layer).__name__})" if own else f"the model at {Path(file).name}:{line}")
    return found


@contextlib.contextmanager
def _dotted_layer_names(module: torch.nn.Module) -> Iterator[None]:
    """Let the converter name tensors after the full dotted path of their layer.

    Its own names give classes and the last attribute only, which cannot tell `left.0` from `right.0`. A program that
    was exported before knows no layers; there the owner of the parameter that an operation reads tells.
    """
    from litert_torch.backend.debuginfo import _build

    stored = [*module.named_parameters(), *module.named_buffers()]
    owners = {name.replace(".", "_"): name.rpartition(".")[0] for name, _ in stored}

    def dotted(node: Any) -> str:
        stack = list(node.meta.get("nn_module_stack", {}).values())
        layer = stack[-1][0] if stack else ""
        return (_owner_of_parameter(node, owners) if layer in ("", _WRAPPED) else layer) + ";"

    original = _build._get_hierarchy
    _build._get_hierarchy = dotted
    try:
        yield
    finally:
        _build._get_hierarchy = original


def _owner_of_parameter(node: Any, owners: dict[str, str]) -> str:
    """The layer that owns the parameter which `node` reads, directly or through one operation; empty without one."""
    near = node.all_input_nodes
    for source in (*near, *(further for one in near for further in one.all_input_nodes)):
        kind, _, name = source.name.partition("_")
        if kind in ("p", "b") and name in owners:
            return owners[name]
    return ""
