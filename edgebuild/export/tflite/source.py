"""The float .tflite of a request's model folder: what every dtype starts from."""

from __future__ import annotations

from edgebuild.export.format import ExportRequest
from edgebuild.export.tflite.convert import FloatModel, convert
from edgebuild.model.data_folder import InputSpec, read_summary
from edgebuild.model.model_folder import read_record


def float_model(request: ExportRequest) -> FloatModel:
    """Rebuild the model of `request` and convert it.

    Raises:
        ConfigError: the model cannot be rebuilt, exported or converted.
    """
    from edgebuild.model.load import rebuild

    record = read_record(request.model)
    return convert(
        rebuild(request.model, request.project_root),
        in_model_order(request, record.input_names),
        record.output_names,
        request.layout,
        request.project_root,
    )


def in_model_order(request: ExportRequest, names: tuple[str, ...]) -> list[InputSpec]:
    """The input specs of the data folder in the order of the model's arguments."""
    specs = {spec.name: spec for spec in read_summary(request.data).inputs}
    return [specs[name] for name in names]
