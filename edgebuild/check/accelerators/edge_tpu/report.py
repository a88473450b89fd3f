"""Everything the Edge TPU compiler would report of a file, estimated from the file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from edgebuild.check.accelerators.edge_tpu.compiler_log import CompilerLog
from edgebuild.check.accelerators.edge_tpu.geometry import inference_of, layers_of, pipelines_of
from edgebuild.check.accelerators.edge_tpu.mapping import CODE, COMPILER, Mapping, map_operations, unsupported
from edgebuild.check.accelerators.edge_tpu.repairs import suggest_repairs
from edgebuild.check.census.model import Census, OperationRecord
from edgebuild.check.finding import Finding
from edgebuild.check.wiring import Wiring
from edgebuild.check.wording import listing
from edgebuild.estimate.edge_tpu.latency import LINKS, energy_figure, latency_figure
from edgebuild.estimate.edge_tpu.layer import TpuLayer
from edgebuild.estimate.edge_tpu.memory import USABLE, CachePlan, interval, plan_cache, usable_bytes
from edgebuild.estimate.edge_tpu.sharing import Pipeline
from edgebuild.figure import Figure

if TYPE_CHECKING:
    from rich.console import RenderableType

BASIS = f"estimated offline from the documented limits of {COMPILER}; the compiler itself was not run"
_CONVERSIONS = frozenset({"QUANTIZE", "DEQUANTIZE"})
"""Done on the CPU for a float caller. The compiler's log does not say where they stand."""


@dataclass(frozen=True)
class EdgeTpuReport:
    """What would become of one file.

    Attributes:
        file: its name.
        mapping: every operation, on the Edge TPU or not and why.
        layers: what runs on the Edge TPU, as the estimates see it.
        plan: where the parameters lie.
        scratch: bytes of activations that are alive at once between the operations on the Edge TPU.
        figures: memory, time and energy, with their intervals.
        other_links: time over the links that the file is not meant for.
        repairs: what to do, one sentence each.
        pipelines: the model on two, three and four Edge TPUs, where it does not fit one.
        compiled: what the real compiler said, where it was on PATH; it overrules the estimate of memory.
    """

    file: str
    mapping: Mapping
    layers: tuple[TpuLayer, ...]
    plan: CachePlan
    scratch: int
    figures: tuple[Figure, ...]
    other_links: tuple[Figure, ...]
    repairs: tuple[str, ...]
    pipelines: tuple[Pipeline, ...] = ()
    compiled: CompilerLog | None = None

    @property
    def basis(self) -> str:
        """What the report rests on."""
        if self.compiled is None:
            return BASIS
        return (
            f"memory as edgetpu_compiler {self.compiled.version} printed it; mapping by operation and times estimated"
        )

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What the real compiler left on the CPU; what the estimate leaves is told by the rule `unsupported-op`."""
        left = [row for row in self.compiled.left if row.name not in _CONVERSIONS] if self.compiled else []
        if self.compiled is None or not left:
            return ()
        named = listing(f"{row.count} {row.name}: {row.status}" for row in left)
        total = sum(row.count for row in self.compiled.operators)
        message = (
            f"edgetpu_compiler {self.compiled.version} left {sum(row.count for row in left)} of {total} operations "
        )
        return (Finding(CODE, f"{message}on the CPU ({named})"),)

    @property
    def left_on_cpu(self) -> tuple[Finding, ...]:
        """What the real compiler left there; where it did not run, what the documented limits leave."""
        if self.compiled is not None:
            return self.findings
        if self.mapping.refusals:
            return (Finding("op-too-new", f"{COMPILER} refuses the file: no {listing(self.mapping.refusals)}"),)
        message = unsupported(self.mapping)
        return () if message is None else (Finding(CODE, message),)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        cut = self.mapping.partition
        return {
            "file": self.file,
            "basis": self.basis,
            "compiler": self.compiled.to_json() if self.compiled else None,
            "operations": [operation.to_json() for operation in self.mapping.operations],
            "mapped": len(self.mapping.mapped),
            "on_cpu": len(self.mapping.operations) - len(self.mapping.mapped),
            "refusals": list(self.mapping.refusals),
            "partition": cut.to_json() if cut else None,
            "parameters": {
                "usable": self.plan.usable,
                "on_chip": self.plan.on_chip,
                "streamed": self.plan.streamed,
                "streamed_layers": [layer.name for layer in self.plan.streamed_layers],
            },
            "scratch": self.scratch,
            "layers": [asdict(layer) for layer in self.layers],
            "figures": [figure.to_json() for figure in self.figures],
            "other_links": [figure.to_json() for figure in self.other_links],
            "pipelines": [self._pipeline(pipeline) for pipeline in self.pipelines],
            "repairs": list(self.repairs),
        }

    def _pipeline(self, pipeline: Pipeline) -> dict[str, Any]:
        return {
            "edge_tpus": len(pipeline.segments),
            "latency_ms": asdict(pipeline.latency),
            "interval_ms": asdict(pipeline.interval),
            "segments": [
                {
                    "layers": [layer.name for layer in self.layers[segment.first : segment.last + 1]],
                    "on_chip": segment.plan.on_chip,
                    "streamed": segment.plan.streamed,
                    "milliseconds": segment.milliseconds.middle,
                }
                for segment in pipeline.segments
            ],
        }

    def describe(self) -> RenderableType:
        """The same for people."""
        from edgebuild.check.accelerators.edge_tpu.describe import describe_report

        return describe_report(self)


def report_on(census: Census, link: str = "usb3") -> EdgeTpuReport:
    """Judge a file by its census, on an Edge TPU attached by one of LINKS; values of weights play no part."""
    wiring = Wiring(census)
    mapping = map_operations(census)
    mapped = [census.operations[operation.index] for operation in mapping.mapped]
    layers = layers_of(mapped, wiring)
    plan = plan_cache(layers, usable_bytes(layers))
    scratch = _scratch(mapped, wiring)
    figures = _memory_figures(layers, plan, scratch)
    others: list[Figure] = []
    if mapped:
        inference = inference_of(census, mapping, layers, plan, wiring)
        figures += [latency_figure(inference, link), energy_figure(inference, link)]
        others = [latency_figure(inference, other) for other in LINKS if other != link]
    repairs = suggest_repairs(census, mapping, layers, plan)
    pipelines = pipelines_of(census, mapping, layers, wiring, link) if plan.overflow else ()
    return EdgeTpuReport(census.path, mapping, layers, plan, scratch, tuple(figures), tuple(others), repairs, pipelines)


def with_compiled(report: EdgeTpuReport, log: CompilerLog) -> EdgeTpuReport:
    """The report with the compiler's own figures of memory in the place of the estimates."""
    said = {"on_chip_parameters": log.on_chip, "streamed_parameters": log.streamed}
    figures = tuple(
        Figure(figure.name, float(said[figure.name]), "B", "exact", provenance=f"edgetpu_compiler {log.version}")
        if figure.name in said
        else figure
        for figure in report.figures
    )
    return replace(report, figures=figures, compiled=log)


def _memory_figures(layers: tuple[TpuLayer, ...], plan: CachePlan, scratch: int) -> list[Figure]:
    ends = [plan_cache(layers, usable) for usable in USABLE]
    where = f"{BASIS}; outputs padded to 64, inputs to 4, whole layers kept while they fit, the least reused first"
    on_chip = [plan.on_chip, *(end.on_chip for end in ends)]
    streamed = [plan.streamed, *(end.streamed for end in ends)]
    return [
        _bytes("on_chip_parameters", plan.on_chip, interval(on_chip), where),
        _bytes("streamed_parameters", plan.streamed, interval(streamed), where),
        _bytes("scratch", scratch, [scratch], f"{BASIS}; activations alive at once, before the compiler cuts them"),
    ]


def _bytes(name: str, value: int, range_: Sequence[float], where: str) -> Figure:
    return Figure(name, float(value), "B", "estimated", float(min(range_)), float(max(range_)), None, where)


def _scratch(operations: list[OperationRecord], wiring: Wiring) -> int:
    """The most bytes of activations that are alive at one operation."""
    last = {tensor.index: place for place, one in enumerate(operations) for tensor in wiring.computed_inputs(one)}
    alive: dict[int, int] = {}
    most = 0
    for place, operation in enumerate(operations):
        for tensor in [*wiring.computed_inputs(operation), *wiring.outputs(operation)]:
            alive.setdefault(tensor.index, math.prod(tensor.shape))
        most = max(most, sum(alive.values()))
        alive = {index: size for index, size in alive.items() if last.get(index, -1) > place}
    return most
