"""Make a PyTorch model ready for conversion: inference only, batch norm folded, layers and outputs known."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from edgebuild.errors import ConfigError
from edgebuild.model.exportable import check_exportable

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Prepared:
    """A model that can be converted.

    Attributes:
        module: a changed copy of the user's model, in eval mode.
        layers: dotted names of the layers that own parameters, in forward order, without batch norms, which are folded
            here or by the converter.
        output_layers: per output, the dotted name of the layer whose operation makes it; None where no layer does.
        output_ranks: number of dimensions of each output, with the batch.
    """

    module: torch.nn.Module
    layers: tuple[str, ...]
    output_layers: tuple[str | None, ...]
    output_ranks: tuple[int, ...]


def prepare(
    module: torch.nn.Module, samples: Mapping[str, np.ndarray], output_names: Sequence[str], project_root: Path
) -> Prepared:
    """Copy `module`, replace dropout by identity and fold every batch norm that follows its convolution alone.

    `samples` are one batch of 1 per input, in the order of the model's arguments; `project_root` is for messages.

    Raises:
        ConfigError: the model cannot be traced, or has another number of outputs than `output_names`.
    """
    module = copy.deepcopy(module)
    if module.training:
        module.eval()
    _remove_dropout(module)
    program = check_exportable(module, samples, project_root)
    _fold_batch_norms(module, program)
    values = _output_values(program)
    if len(values) != len(output_names):
        names = ", ".join(output_names)
        msg = f"the model returns {len(values)} outputs, but model.outputs names {len(output_names)}: {names}"
        raise ConfigError(msg, remedy="name every output, in the order in which the model returns them")
    return Prepared(
        module,
        tuple(_parameter_owners(program)),
        tuple(_deepest_layer(value) for value in values),
        tuple(len(value.meta["val"].shape) for value in values),
    )


def _remove_dropout(module: torch.nn.Module) -> None:
    """A converter may keep a dropout's scaling as an operation, or drop the requantization beside it: leave none."""
    from torch import nn
    from torch.nn.modules.dropout import _DropoutNd

    for parent in list(module.modules()):
        for name, child in list(parent.named_children()):
            if isinstance(child, _DropoutNd):
                setattr(parent, name, nn.Identity())


def _fold_batch_norms(module: torch.nn.Module, program: Any) -> None:
    """Fold in `module` what `program` (its trace) shows to be foldable."""
    from torch import nn
    from torch.nn.modules.batchnorm import _BatchNorm
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    transposed = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
    for convolution, norm in _foldable(program):
        first, second = module.get_submodule(convolution), module.get_submodule(norm)
        if not isinstance(first, (nn.Conv1d, nn.Conv2d, nn.Conv3d, *transposed)) or not isinstance(second, _BatchNorm):
            continue
        _replace(module, convolution, fuse_conv_bn_eval(first, second, isinstance(first, transposed)))
        _replace(module, norm, nn.Identity())


def _foldable(program: Any) -> list[tuple[str, str]]:
    """(convolution, batch norm) by dotted name, where nothing else reads the convolution and both are called once."""
    owners = {**program.graph_signature.inputs_to_parameters, **program.graph_signature.inputs_to_buffers}
    pairs = []
    for node in program.graph.nodes:
        if node.op != "call_function" or "batch_norm" not in str(node.target):
            continue
        source, mean = node.args[0], node.args[3]
        if source.op != "call_function" or "conv" not in str(source.target) or len(source.users) != 1:
            continue
        weight = source.args[1]
        stored = weight.name in owners and getattr(mean, "name", None) in owners
        if stored and len(weight.users) == 1 and len(mean.users) == 1:
            pairs.append((_owner(owners[weight.name]), _owner(owners[mean.name])))
    return pairs


def _parameter_owners(program: Any) -> list[str]:
    owners = program.graph_signature.inputs_to_parameters
    found: dict[str, None] = {}
    for node in program.graph.nodes:
        if node.op == "call_function" and "batch_norm" not in str(node.target):
            for used in node.all_input_nodes:
                if used.name in owners and _owner(owners[used.name]):
                    found[_owner(owners[used.name])] = None
    return list(found)


def _output_values(program: Any) -> list[Any]:
    users = set(program.graph_signature.user_outputs)
    output = next(node for node in program.graph.nodes if node.op == "output")
    return [value for value in output.args[0] if getattr(value, "name", None) in users]


def _deepest_layer(node: Any) -> str | None:
    stack = list(node.meta.get("nn_module_stack", {}).values())
    return (stack[-1][0] or None) if stack else None


def _owner(parameter: str) -> str:
    return parameter.rpartition(".")[0]


def _replace(module: torch.nn.Module, name: str, new: torch.nn.Module) -> None:
    parent, _, attribute = name.rpartition(".")
    setattr(module.get_submodule(parent), attribute, new)
