"""Stage kind `layer_error`: how far each layer of the exported file is from the float model (`edgebuild diff`)."""

from __future__ import annotations

import json
import math
from dataclasses import asdict

from edgebuild.config.registries import FORMATS, STAGES
from edgebuild.export.format import ExportFormat, LayerError, read_export
from edgebuild.graph.stage import StageContext, StageKind
from edgebuild.graph.stages.export import request_of, tools


def run(context: StageContext) -> None:
    """Write layer_error.json: one row per layer in forward order; `sqnr_db` is null where the outputs are equal."""
    params = context.stage.params
    chosen: ExportFormat = FORMATS.get(params["format"])
    exported = context.inputs["export"]
    file = exported / read_export(exported).file
    rows = chosen.layer_error(request_of(context), file, params["samples"])
    text = json.dumps([_to_json(row) for row in rows], indent=1)
    (context.output / "layer_error.json").write_text(text + "\n")


def _to_json(row: LayerError) -> dict[str, object]:
    return {**asdict(row), "sqnr_db": None if math.isinf(row.sqnr_db) else row.sqnr_db}


STAGES.register("layer_error")(StageKind(version=1, run=run, tools=tools))
