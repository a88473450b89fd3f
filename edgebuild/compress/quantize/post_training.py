"""The plan step `quantize`: post-training quantization, decided here and carried out by the export format.

The step fixes the scheme and the calibration samples. The ranges are taken by the target runtime's own quantizer, or by
the method that the step names.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection
from typing import Any, Literal

from pydantic import Field, model_validator

from edgebuild.compress.carry_over import carry_over
from edgebuild.compress.quantize.account import STEP, claims_of
from edgebuild.compress.quantize.calibration import write_calibration
from edgebuild.compress.quantize.mixed.decide import as_json, decide, described, task_of
from edgebuild.compress.quantize.mixed.parameters import Mixed
from edgebuild.compress.quantize.ranges import StaticCalibration, decide_ranges
from edgebuild.compress.quantize.skip import FLOAT, SKIP, SKIP_FIRST, SKIP_LAST, skipped_layers, skips
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
    weights: Literal["int8", "int4"] = Field(
        default="int8",
        description="weight type; int4 of `dynamic` and `weight_only`, wherever the runtime has a kernel for it",
    )
    activations: Literal["int8", "int16"] = Field(default="int8", description="activation type of `static`")
    granularity: Literal["per_channel", "per_tensor"] = Field(
        default="per_channel", description="one scale per output channel of a weight, or one per tensor"
    )
    calibration: StaticCalibration = Field(
        default=StaticCalibration(), description="samples for `static`, and how ranges come from them"
    )
    skip: tuple[str, ...] = SKIP
    skip_first: bool = SKIP_FIRST
    skip_last: bool = SKIP_LAST
    mixed: Mixed | None = Field(
        default=None,
        description="measure every layer alone in the type asked for and give the most sensitive ones a finer one: "
        "float32 instead of int8 (needs io: float32), int8 instead of int4",
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
        if self.weights == "int4" and self.kind not in ("dynamic", "weight_only"):
            msg = f"weights: int4 needs kind: dynamic or weight_only, found kind: {self.kind}"
            raise ValueError(msg)
        if self.weights == "int4" and self.granularity == "per_tensor":
            msg = "granularity: one scale per tensor is too coarse for weights: int4; expected per_channel"
            raise ValueError(msg)
        if self.kind == "float16" and self.equalize:
            msg = "equalize: has no effect on half-precision numbers, found kind: float16"
            raise ValueError(msg)
        if self.kind == "float16" and skips(self):
            msg = "skip: leaves layers of integers in floating point, found kind: float16"
            raise ValueError(msg)
        if self.mixed is not None and (self.kind == "float16" or self.activations == "int16"):
            found = "kind: float16" if self.kind == "float16" else "activations: int16"
            msg = f"mixed: chooses between integers and a finer type, found {found}"
            raise ValueError(msg)
        if self.mixed is not None and self.equalize:
            msg = "mixed: measures the layers as they are, which equalize changes; leave one of them out"
            raise ValueError(msg)
        if self.kind != "static" and self.correct_bias:
            msg = f"correct_bias: needs kind: static, found kind: {self.kind}"
            raise ValueError(msg)
        return self


_DELIVERS = {
    ("static", "int8", "int8"): "int8",
    ("static", "int16", "int8"): "int16x8",
    ("dynamic", "int8", "int8"): "int8-dynamic",
    ("dynamic", "int8", "int4"): "int4-dynamic",
    ("weight_only", "int8", "int8"): "int8-weight-only",
    ("weight_only", "int8", "int4"): "int4-weight-only",
    ("float16", "int8", "int8"): "fp16",
}


def delivers(parameters: Quantize) -> str:
    """The export dtype that a file quantized with these parameters has."""
    return _DELIVERS[parameters.kind, parameters.activations, parameters.weights]


def leaves_float(parameters: Quantize) -> bool:
    """Whether some layers stay in floating point."""
    return skips(parameters) or (parameters.mixed is not None and parameters.weights == "int8")


def run(context: StepContext, parameters: Quantize) -> None:
    """Write the model folder with the scheme in its record and, for `static`, the calibration samples beside it.

    Raises:
        ConfigError: the calibration split has fewer samples than asked for, nothing can be equalized, the layers to
            skip are not there or are all, or the bound of `mixed` is out of reach.
    """
    record = read_record(context.model)
    skipped = skipped_layers(context, parameters, STEP)
    own = {"effect": [f"float32: {', '.join(skipped)}"] if skipped else []}
    types, measured = dict.fromkeys(skipped, FLOAT), None
    if parameters.mixed is not None:
        task = task_of(parameters, skipped)
        measured = decide(context, task)
        types |= measured.exceptions(task)
        own = {"effect": [*own["effect"], described(measured, task)], **as_json(measured, task)}
    floating = [layer for layer, dtype in types.items() if dtype == FLOAT]
    scheme = parameters.model_dump(mode="json") | {"layer_types": types}
    claims = claims_of(parameters, types, measured)
    source, changes = context, dict[str, Any]()
    if parameters.equalize or parameters.correct_bias:
        changes, more, effects = _prepared(context, parameters, floating)
        claims, own["effect"] = [*claims, *more], [*own["effect"], *effects]
        source = dataclasses.replace(context, model=context.output)
    else:
        carry_over(context.model, context.output, replaced={"model.json"})
    if parameters.kind == "static":
        samples = write_calibration(context, parameters.calibration.samples, STEP)
        if parameters.calibration.method is not None:
            decided, claim = decide_ranges(source, parameters.calibration, samples, floating)
            scheme |= decided
            claims.append(claim)
    extra = {**record.extra, STEP: {**own, "effect": "; ".join(own["effect"])}} if own["effect"] else record.extra
    claims = [*record.claims, *claims]
    dataclasses.replace(record, **changes, extra=extra, quantization=scheme, claims=tuple(claims)).write(context.output)


def _prepared(
    context: StepContext, parameters: Quantize, skipped: Collection[str]
) -> tuple[dict[str, Any], list[dict[str, Any]], list[str]]:
    """Write the equalized and corrected model; the changes of its record, the claims, and what was done in words."""
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
        largest = {layer: reach for layer, reach in even.largest.items() if layer not in skipped}
        claims.append({"claim": "weight_ranges", "step": STEP, "largest": largest})
        effects.append(f"{len(even.pairs)} pairs of layers equalized")
    if parameters.correct_bias:
        done = correct_bias(model, samples, per_channel=parameters.granularity == "per_channel", skipped=skipped)
        edits += done.edits
        unstored = list(done.unstored)
        claims.append({"claim": "biases", "step": STEP, "magnitudes": done.magnitudes, "unstored": unstored})
        effects.append(f"biases of {len(done.magnitudes)} layers corrected")
    changes = {"edits": tuple(edits)}
    derive_model_folder(context.model, context.output, model, **changes)
    return changes, claims, effects


STEPS.register(STEP)(
    StepMethod(
        title="Post-training quantization with the target runtime's own scheme",
        parameters=Quantize,
        phase=Phase.QUANTIZE,
        version=4,
        run=run,
        tools=("torch", "numpy"),
        sections=("metric",),
        delivers=delivers,
        leaves_float=leaves_float,
    )
)
