"""Stage kind `package`: what an app or firmware developer takes, with a manifest of every byte."""

from __future__ import annotations

import json

from edgebuild import __version__
from edgebuild.config.registries import PACKAGERS, STAGES
from edgebuild.export.format import read_export
from edgebuild.graph.stage import StageContext, StageKind
from edgebuild.model.data_folder import read_summary
from edgebuild.package.packager import Packager, PackageRequest

COMPILED = "*_*.tflite"
"""What the verify stage keeps of an accelerator's compiler."""
GRAPHS = "tosa"
"""What an export calls the graphs that the delegates of its file come from: anybody can hold one against the other."""


def run(context: StageContext) -> None:
    """Lay out the package; params are `{kind, kind_version, options, project, target}`.

    The manifest holds the figures that are the same in every build (accuracy, sizes, counts); what was timed on one
    machine lies in the report, so that two builds give the same bytes.
    """
    params = context.stage.params
    packager: Packager = PACKAGERS.get(params["kind"])
    summary = read_summary(context.inputs["data"])
    exported = context.inputs["export"]
    graphs = tuple(exported / name for name in read_export(exported).extra.get(GRAPHS, ()))
    verified = json.loads((context.inputs["verify"] / "verify.json").read_text())
    packager.run(
        PackageRequest(
            export=context.inputs["export"],
            labels=summary.classes,
            manifest={
                "manifest_version": 1,
                "edgebuild": __version__,
                "project": params["project"],
                "target": params["target"],
                "tools": read_export(exported).tools,
                "normalization": {
                    spec.name: {"scale": spec.scale, "mean": list(spec.mean), "std": list(spec.std)}
                    for spec in summary.inputs
                },
                "figures": verified["figures"],
                "claims": verified["claims"],
                "findings": verified["findings"],
            },
            options=params["options"],
            output=context.output,
            device=context.inputs.get("device"),
            compiled=(*sorted(context.inputs["verify"].glob(COMPILED)), *graphs),
        )
    )


STAGES.register("package")(StageKind(version=1, run=run))
