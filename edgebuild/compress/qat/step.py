"""The plan step `qat`: the model is trained further in numbers that are rounded as the integers of its file.

Both runtimes quantize by one scheme, so one training serves them all: the step writes down weights that lie on their
steps and the ranges of the activations, and every format takes both as they are instead of calibrating.
"""

from __future__ import annotations

import json

from edgebuild.compress.qat.account import STEP, claims_of, effect_of, quantization_of
from edgebuild.compress.qat.parameters import Qat
from edgebuild.compress.quantize.calibration import write_calibration
from edgebuild.compress.quantize.skip import skipped_layers, skips
from edgebuild.compress.step import Phase, StepContext, StepMethod
from edgebuild.config.registries import STEPS
from edgebuild.errors import ConfigError, InternalError
from edgebuild.model.model_folder import read_record


def run(context: StepContext, parameters: Qat) -> None:
    """Write the model folder of the trained model, its scheme and calibration samples, and history.json.

    Raises:
        ConfigError: the model is an exported program, cannot be traced for batches, or has a layer that cannot be
            trained in integer steps; the layers to skip are not there or are all; the calibration split is too small.
    """
    from edgebuild.compress.qat.freeze import Freeze
    from edgebuild.compress.training import Training
    from edgebuild.model.fakequant.instrument import Rounding, instrument_training
    from edgebuild.model.fakequant.settle import settle
    from edgebuild.model.load import derive_model_folder, rebuild
    from edgebuild.model.seeding import deterministic

    record = read_record(context.model)
    if record.source["kind"] == "program":
        msg = "qat: a torch.export program cannot be trained"
        raise ConfigError(
            msg, remedy="give the model as model.factory with its weights, or use quantize: {kind: static}"
        )
    skipped = skipped_layers(context, parameters, STEP)
    model = rebuild(context.model, context.project_root)
    rounding = Rounding(parameters.per_channel(), parameters.observer.share(), skipped)
    training = Training(context, parameters)
    with deterministic(context.seed, context.threads):
        inputs, _ = training.validation()
        instrumented = instrument_training(model, inputs, rounding)
        samples = write_calibration(context, parameters.calibration.samples, STEP)
        instrumented.start_ranges(samples)
        started = {name: value.detach().clone() for name, value in model.named_parameters()}
        history = training.tune(model, parameters.epochs, additions=[Freeze(instrumented, parameters.freeze_after)])
        if all(bool((value == started[name]).all()) for name, value in model.named_parameters()):
            msg = "qat: no weight changed in training"
            raise InternalError(msg)
        settled = settle(instrumented, rounding)
    derive_model_folder(
        context.model,
        context.output,
        model,
        edits=(*record.edits, *settled.edits),
        claims=(*record.claims, *claims_of(settled, instrumented.scheme, parameters, skipped)),
        quantization=quantization_of(settled, instrumented.scheme, parameters, skipped),
        extra={**record.extra, STEP: {"effect": effect_of(settled, instrumented.scheme, parameters, skipped)}},
    )
    (context.output / "history.json").write_text(json.dumps([row.to_json() for row in history], indent=1) + "\n")


STEPS.register(STEP)(
    StepMethod(
        title="Quantization-aware training: further training in numbers rounded as the file's integers",
        parameters=Qat,
        phase=Phase.QUANTIZE,
        version=2,
        run=run,
        tools=("torch", "numpy", "safetensors"),
        sections=("data", "train"),
        delivers=lambda _parameters: "int8",
        leaves_float=skips,
    )
)
