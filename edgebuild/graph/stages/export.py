"""Stage kind `export`: one file for the target's runtime."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edgebuild.config.registries import FORMATS, STAGES
from edgebuild.export.format import ExportFormat, ExportRequest
from edgebuild.graph.stage import StageContext, StageKind


def request_of(context: StageContext) -> ExportRequest:
    """The request that the params `{format, format_version, dtype, io, layout, options}` (and `hardware`) describe."""
    params = context.stage.params
    return ExportRequest(
        model=context.inputs["model"],
        data=context.inputs["data"],
        output=context.output,
        project_root=context.project_root,
        dtype=params["dtype"],
        io=params["io"],
        layout=params["layout"],
        options=params["options"],
        seed=context.stage.seed,
        progress=context.progress,
        hardware=params.get("hardware", {}),
        source=context.inputs.get("source"),
    )


def run(context: StageContext) -> None:
    """Export with the format named in the params."""
    chosen: ExportFormat = FORMATS.get(context.stage.params["format"])
    chosen.run(request_of(context))


def tools(params: Mapping[str, Any]) -> tuple[str, ...]:
    """The distributions that the format names."""
    chosen: ExportFormat = FORMATS.get(params["format"])
    return chosen.tools


def sources(params: Mapping[str, Any]) -> tuple[str, ...]:
    """The parts of this package that the format names."""
    chosen: ExportFormat = FORMATS.get(params["format"])
    return chosen.sources


STAGES.register("export")(StageKind(version=1, run=run, tools=tools, sources=sources))
