"""The plan step `quantize`: post-training quantization, decided here and carried out by the export format.

The step fixes the scheme and the calibration samples. The ranges are taken by the target runtime's own quantizer, or by
the method that the step names.
"""

from __future__ import annotations

import dataclasses
from typing import Any, Literal

from pydantic import Field, model_validator

from edgebuild.compress.carry_over import carry_over
from edgebuild.compress.quantize.calibration import write_calibration
from edgebuild.compress.quantize.ranges import StaticCalibration, decide_ranges
from edgebuild.compress.step import Phase, StepContext, StepMethod
from edgebuild.config.parameters import Parameters
from edgebuild.config.registries import STEPS
from edgebuild.errors import ConfigError
from edgebuild.model.data_folder import read_inputs
from edgebuild.model.model_folder import read_record


class Quantize(Parameters):
    """Parameters of post-training quantization."""

    kind: Literal["static", "dynamic", "weight_only", "float16"] = Field(
        default="static",
        description="static: activations too, calibrated ahead; dynamic: activations at run time; "
        "weight_only: stored small, computed in float; float16: half-precision weights",
    )
    activations: Literal["int8", "int16"] = Field(default="int8", description="activation type of `static`")
    granularity: Literal["per_channel", "per_tensor"] = Field(
        default="per_channel", description="one scale per output channel of a weight, or one per tensor"
    )
    calibration: StaticCalibration = Field(
        default=StaticCalibration(), description="samples for `static`, and how ranges come from them"
    )

    equalize: bool = Field(
        default=False,
        description="even out the channels of layers that follow each other, for granularity: per_tensor above all",
    )
    correct_bias: bool = Field(
        default=False, description="take back by the biases what rounding the weights does to the mean of each layer"
    )

    @model_validator(mode="after")
    def _only_static_has_activations(self) -> Quantize:
        if self.kind != "static" and self.activations != "int8":
            msg = f"activations: {self.activations} needs kind: static, found kind: {self.kind}"
            raise ValueError(msg)
        if self.kind != "static" and "calibration" in self.model_fields_set:
            msg = f"calibration: only kind: static calibrates, found kind: {self.kind}"
            raise ValueError(msg)
        if self.activations != "int8" and self.calibration.method is not None:
            msg = f"calibration.method: belongs to activations: int8, found {self.activations}"
            raise ValueError(msg)
        if self.kind == "float16" and self.equalize:
            msg = "equalize: has no effect on half-precision numbers, found kind: float16"
            raise ValueError(msg)
        if self.kind != "static" and self.correct_bias:
            msg = f"correct_bias: needs kind: static, found kind: {self.kind}"
            raise ValueError(msg)
        return self


_DELIVERS = {
    ("static", "int8"): "int8",
    ("static", "int16"): "int16x8",
    ("dynamic", "int8"): "int8-dynamic",
    ("weight_only", "int8"): "int8-weight-only",
    ("float16", "int8"): "fp16",
}


def delivers(parameters: Quantize) -> str:
    """The export dtype that a file quantized with these parameters has."""
    return _DELIVERS[parameters.kind, parameters.activations]


def _claims(parameters: Quantize) -> list[dict[str, Any]]:
    dtype = "float16" if parameters.kind == "float16" else "int8"
    weights: dict[str, Any] = {"claim": "weights_dtype", "step": "quantize", "dtype": dtype}
    if dtype == "int8":
        weights["granularity"] = parameters.granularity
    if parameters.kind != "static":
        return [weights]
    return [weights, {"claim": "activations_dtype", "step": "quantize", "dtype": parameters.activations}]


def run(context: StepContext, parameters: Quantize) -> None:
    """Write the model folder with the scheme in its record and, for `static`, the calibration samples beside it.

    Raises:
        ConfigError: the calibration split has fewer samples than asked for, or nothing can be equalized.
    """
    record = read_record(context.model)
    scheme, claims = parameters.model_dump(mode="json"), _claims(parameters)
    source, changes = context, dict[str, Any]()
    if parameters.equalize or parameters.correct_bias:
        changes, own = _prepared(context, parameters)
        claims += own
        source = dataclasses.replace(context, model=context.output)
    else:
        carry_over(context.model, context.output, replaced={"model.json"})
    if parameters.kind == "static":
        samples = write_calibration(context, parameters.calibration.samples, "quantize")
        if parameters.calibration.method is not None:
            decided, claim = decide_ranges(source, parameters.calibration, samples)
            scheme |= decided
            claims.append(claim)
    claims = [*record.claims, *claims]
    dataclasses.replace(record, **changes, quantization=scheme, claims=tuple(claims)).write(context.output)


def _prepared(context: StepContext, parameters: Quantize) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Write the equalized and corrected model; the changes of its record, and the claims."""
    from edgebuild.compress.quantize.correct_bias import correct_bias
    from edgebuild.compress.quantize.equalize import equalize
    from edgebuild.model.load import derive_model_folder, rebuild

    record = read_record(context.model)
    if record.source["kind"] == "program":
        msg = "quantize: a torch.export program is fixed: neither equalize nor correct_bias can change its layers"
        raise ConfigError(msg, remedy="give the model as model.factory with its weights, or leave them out")
    model = rebuild(context.model, context.project_root)
    samples = read_inputs(context.data, "calibration")
    edits, claims, effects = [*record.edits], [], []
    if parameters.equalize:
        even = equalize(model, samples, context.project_root)
        edits += even.edits
        claims.append({"claim": "weight_ranges", "step": "quantize", "largest": even.largest})
        effects.append(f"{len(even.pairs)} pairs of layers equalized")
    if parameters.correct_bias:
        done = correct_bias(model, samples, per_channel=parameters.granularity == "per_channel")
        edits += done.edits
        unstored = list(done.unstored)
        claims.append({"claim": "biases", "step": "quantize", "magnitudes": done.magnitudes, "unstored": unstored})
        effects.append(f"biases of {len(done.magnitudes)} layers corrected")
    changes = {
        "edits": tuple(edits),
        "extra": {**record.extra, "quantize": {"effect": ", ".join(effects)}},
    }
    derive_model_folder(context.model, context.output, model, **changes)
    return changes, claims


STEPS.register("quantize")(
    StepMethod(
        title="Post-training quantization with the target runtime's own scheme",
        parameters=Quantize,
        phase=Phase.QUANTIZE,
        version=2,
        run=run,
        tools=("torch", "numpy"),
        delivers=delivers,
    )
)
