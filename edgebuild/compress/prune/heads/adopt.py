"""Attention whose code takes one number of heads only: where other code computes the same, that takes its place."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgebuild.compress.layer_names import named_by
from edgebuild.compress.prune.heads.candidates import numbers_of_heads
from edgebuild.compress.prune.heads.find import draw, find_heads, linear_layers, same_numbers
from edgebuild.model.edits import replay
from edgebuild.model.edits.adopt_attention import adopt_attention
from edgebuild.model.seeding import seeded
from edgebuild.model.self_attention import Form, adopted

if TYPE_CHECKING:
    import torch


def adopt_attentions(
    model: torch.nn.Module, sample: tuple[torch.Tensor, ...], skip: Sequence[str]
) -> list[dict[str, Any]]:
    """Adopt what can be and is not named by `skip`, in place; the edits that do it again.

    A module is adopted if its heads cannot be cut as it is, it holds nothing but linear layers, dropouts and buffers,
    it takes one sequence and gives one, and `SelfAttention` computes the same with weights that are drawn by a seed.
    It concerns code that divides the width of its input by the number of heads: with fewer, that is too wide.

    Raises:
        ConfigError: a pattern of `skip` matches nothing.
    """
    skipped = {"", *named_by(skip, [name for name, _ in model.named_modules()])}
    _, alone = find_heads(model, sample, 1)
    edits = []
    for name in dict.fromkeys(item.layer for item in alone):
        form = _form_of(model, name, sample) if name not in skipped else None
        if form is not None:
            edits.append(adopt_attention(name, form))
    replay(model, edits)
    return edits


@dataclass(frozen=True)
class _Call:
    """What a module was given, and gave."""

    given: tuple[Any, ...]
    named: dict[str, Any]
    output: Any


def _form_of(model: torch.nn.Module, name: str, sample: tuple[torch.Tensor, ...]) -> Form | None:
    """How the module attends; None where it is no attention, or does something else besides."""
    module = model.get_submodule(name)
    dropouts = _dropouts(module)
    if dropouts is None:
        return None
    drawn = copy.deepcopy(model)
    inside = [layer for layer in linear_layers(model, sample) if layer.startswith(f"{name}.")]
    with seeded(len(inside)):
        for layer in inside:
            draw(drawn.get_submodule(layer))
    calls = _calls(drawn, name, sample)
    if not calls or not all(_is_sequence(call) for call in calls):
        return None
    local = [layer.removeprefix(f"{name}.") for layer in inside]
    attention = drawn.get_submodule(name)
    return next((form for form in _forms(attention, local, dropouts) if _computes(attention, form, calls)), None)


def _dropouts(module: torch.nn.Module) -> tuple[str, str] | None:
    """Names of the dropouts on the weights and behind the output; None where the module is more than an attention."""
    from torch import nn

    known = (nn.Linear, nn.Dropout, nn.Identity, nn.Sequential)
    children = [(name, child) for name, child in module.named_modules() if name]
    if list(module.parameters(recurse=False)) or not all(type(child) in known for _, child in children):
        return None
    if any(isinstance(value, float) and 0 < value < 1 and "drop" in name for name, value in vars(module).items()):
        return None
    active = [name for name, child in children if isinstance(child, nn.Dropout) and child.p > 0]
    on_weights = [name for name in active if "att" in name]
    behind = [name for name in active if name not in on_weights]
    inside = [name for name in active if "." in name]
    if inside or len(on_weights) > 1 or len(behind) > 1 or not all(_BEHIND.search(name) for name in behind):
        return None
    return "".join(on_weights), "".join(behind)


_BEHIND = re.compile("res|proj|out")
"""In the name of a dropout behind the output."""


def _calls(model: torch.nn.Module, name: str, sample: tuple[torch.Tensor, ...]) -> list[_Call]:
    import torch

    found: list[_Call] = []

    def keep(_module: torch.nn.Module, given: tuple[Any, ...], named: dict[str, Any], output: Any) -> None:
        found.append(_Call(given, named, output))

    handle = model.get_submodule(name).register_forward_hook(keep, with_kwargs=True)
    try:
        with torch.no_grad():
            model(*sample)
    finally:
        handle.remove()
    return found


def _is_sequence(call: _Call) -> bool:
    """Whether one sequence came in and one went out."""
    import torch

    if len(call.given) != 1 or call.named or not isinstance(call.output, torch.Tensor):
        return False
    return isinstance(call.given[0], torch.Tensor) and call.given[0].dim() == call.output.dim() == 3


def _forms(module: torch.nn.Module, layers: Sequence[str], dropouts: tuple[str, str]) -> Iterator[Form]:
    """Every form that the sizes of the layers, in the order of their calls, allow."""
    if len(layers) not in (2, 4):
        return
    *projections, output = layers
    inner = int(module.get_submodule(output).in_features)  # type: ignore[arg-type]
    for heads in numbers_of_heads(module):
        for causal in (False, True):
            for order in ("parts", "heads") if len(projections) == 1 else ("parts",):
                yield Form(heads, inner // heads, tuple(projections), order, output, causal, *dropouts)


def _computes(module: torch.nn.Module, form: Form, calls: Sequence[_Call]) -> bool:
    import torch

    try:
        with torch.no_grad():
            found = [adopted(module, form)(*call.given) for call in calls]
    except RuntimeError:  # sizes that do not fit this form
        return False
    return all(same_numbers(call.output, one) for call, one in zip(calls, found, strict=True))
