"""Which layers a quantizing step leaves in floating point, by name and by where they stand in the model."""

from __future__ import annotations

from typing import Protocol

from pydantic import Field

from edgebuild.compress.layer_names import named_by
from edgebuild.compress.step import StepContext
from edgebuild.errors import ConfigError
from edgebuild.model.data_folder import read_inputs
from edgebuild.model.model_folder import read_record

FLOAT = "float32"

SKIP: tuple[str, ...] = Field(
    default=(), description="layers that stay float32, as patterns of names: `stem`, `head*`; needs io: float32"
)
SKIP_FIRST: bool = Field(default=False, description="the layers that read the model's inputs stay float32")
SKIP_LAST: bool = Field(default=False, description="the layers that make the model's outputs stay float32")


class Skipping(Protocol):
    """A table of parameters with the three keys above."""

    @property
    def skip(self) -> tuple[str, ...]:
        """Patterns of names."""

    @property
    def skip_first(self) -> bool:
        """Those at the inputs too."""

    @property
    def skip_last(self) -> bool:
        """Those at the outputs too."""


def skips(parameters: Skipping) -> bool:
    """Whether any layer stays float32."""
    return bool(parameters.skip) or parameters.skip_first or parameters.skip_last


def skipped_layers(context: StepContext, parameters: Skipping, step: str) -> tuple[str, ...]:
    """The names of the layers that stay float32, in forward order; empty where the step skips none.

    Raises:
        ConfigError: a pattern matches no layer with a weight, or none would be left to quantize.
    """
    from edgebuild.model.exportable import check_exportable
    from edgebuild.model.load import rebuild
    from edgebuild.model.weighted_layers import weighted_layers

    if not skips(parameters):
        return ()
    inputs = read_inputs(context.data, "calibration")
    ordered = {name: inputs[name] for name in read_record(context.model).input_names}
    model = rebuild(context.model, context.project_root)
    layers = weighted_layers(check_exportable(model, ordered, context.project_root).module().graph)
    known = dict.fromkeys(outer for layer in layers for outer in _with_outer(layer.name))
    named = {*named_by(parameters.skip, known, f"{step}.skip")}
    skipped = tuple(
        layer.name
        for layer in layers
        if layer.name in named or (parameters.skip_first and layer.is_first) or (parameters.skip_last and layer.is_last)
    )
    if len(skipped) == len(layers):
        msg = f"{step}.skip: all {len(layers)} layers with weights are skipped, so nothing would be quantized"
        raise ConfigError(msg, remedy=f"leave one out, or take {step} out of the plan and export dtype fp32")
    return skipped


def _with_outer(name: str) -> list[str]:
    """`body.0.conv` -> `body`, `body.0`, `body.0.conv`."""
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts) + 1)]
