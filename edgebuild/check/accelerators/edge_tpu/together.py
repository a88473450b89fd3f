"""Several files on one Edge TPU, compiled together: what of each stays in the memory that they share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from edgebuild.check.accelerators.accelerator import JudgeRequest
from edgebuild.check.accelerators.compiled import refuse_compiled
from edgebuild.check.accelerators.edge_tpu.geometry import inference_of
from edgebuild.check.accelerators.edge_tpu.mapping import Mapping
from edgebuild.check.accelerators.edge_tpu.report import EdgeTpuReport, report_on
from edgebuild.check.census.model import Census
from edgebuild.check.census.tflite import read_structure
from edgebuild.check.finding import Finding
from edgebuild.check.wiring import Wiring
from edgebuild.estimate.edge_tpu.latency import latency_figure
from edgebuild.estimate.edge_tpu.memory import CachePlan
from edgebuild.estimate.edge_tpu.sharing import share_cache
from edgebuild.figure import Figure

if TYPE_CHECKING:
    from rich.console import RenderableType

BASIS = (
    "estimated offline: models that are compiled together share the memory in the order that they are named, the first "
    "takes what it needs (Coral, Edge TPU Compiler); compiled alone, each would push the others out whenever it runs"
)


@dataclass(frozen=True)
class SharedModel:
    """One of the files.

    Attributes:
        alone: what would become of it with the memory to itself.
        plan: where its parameters lie beside the others.
        latency: of one inference then.
    """

    alone: EdgeTpuReport
    plan: CachePlan
    latency: Figure | None


@dataclass(frozen=True)
class SharedReport:
    """All of the files, in the order that the compiler would be given them."""

    models: tuple[SharedModel, ...]

    @property
    def figures(self) -> tuple[Figure, ...]:
        """Bytes of all models on the chip, and streamed when each runs once."""
        on_chip = float(sum(model.plan.on_chip for model in self.models))
        streamed = float(sum(model.plan.streamed for model in self.models))
        return (
            Figure("on_chip_parameters", on_chip, "B", "estimated", provenance=BASIS),
            Figure("streamed_parameters", streamed, "B", "estimated", provenance=BASIS),
        )

    @property
    def findings(self) -> tuple[Finding, ...]:
        """None beyond those of each file alone."""
        return ()

    @property
    def overruled(self) -> tuple[str, ...]:
        """No rule guesses what is said here."""
        return ()

    @property
    def left_on_cpu(self) -> tuple[Finding, ...]:
        """Of every file."""
        return tuple(finding for model in self.models for finding in model.alone.left_on_cpu)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "basis": BASIS,
            "models": [
                {
                    "file": model.alone.file,
                    "on_chip": model.plan.on_chip,
                    "streamed": model.plan.streamed,
                    "streamed_layers": [layer.name for layer in model.plan.streamed_layers],
                    "streamed_alone": model.alone.plan.streamed,
                    "latency": model.latency.to_json() if model.latency else None,
                    "alone": model.alone.to_json(),
                }
                for model in self.models
            ],
            "figures": [figure.to_json() for figure in self.figures],
        }

    def describe(self) -> RenderableType:
        """A line a file."""
        from rich.console import Group
        from rich.table import Table
        from rich.text import Text

        from edgebuild.figure import format_value

        table = Table(box=None, padding=(0, 2, 0, 0))
        for column in ("file", "mapped", "on chip", "streamed", "alone streamed", "latency"):
            table.add_column(column, overflow="fold")
        for model in self.models:
            alone, plan = model.alone, model.plan
            table.add_row(
                alone.file,
                f"{len(alone.mapping.mapped)} of {len(alone.mapping.operations)}",
                *(format_value(float(size), "B") for size in (plan.on_chip, plan.streamed, alone.plan.streamed)),
                str(model.latency).partition(" (")[0] if model.latency else "",
            )
        return Group(Text(BASIS, "dim"), table)


def judge_together(requests: Sequence[JudgeRequest], link: str) -> SharedReport:
    """Read the files and share the memory among them.

    Raises:
        ConfigError: one is no .tflite file, a damaged one or one that is compiled already.
    """
    censuses = [read_structure(request.file) for request in requests]
    for census in censuses:
        refuse_compiled(census)
    alone = [report_on(census, link) for census in censuses]
    plans = share_cache([report.layers for report in alone])
    return SharedReport(
        tuple(
            SharedModel(report, plan, _latency(census, report.mapping, report, plan, link))
            for census, report, plan in zip(censuses, alone, plans, strict=True)
        )
    )


def _latency(census: Census, mapping: Mapping, report: EdgeTpuReport, plan: CachePlan, link: str) -> Figure | None:
    if not mapping.mapped:
        return None
    return latency_figure(inference_of(census, mapping, report.layers, plan, Wiring(census)), link)
