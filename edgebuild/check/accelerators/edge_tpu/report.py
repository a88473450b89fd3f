"""Everything the Edge TPU compiler would report of a file, estimated from the file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from edgebuild.check.accelerators.edge_tpu.compiler_log import CompilerLog
from edgebuild.check.accelerators.edge_tpu.geometry import inference_of, layers_of, pipelines_of, work_of
from edgebuild.check.accelerators.edge_tpu.log_mapping import map_by_log
from edgebuild.check.accelerators.edge_tpu.mapping import (
    CODE,
    COMPILER,
    OP_TOO_NEW,
    Mapping,
    map_operations,
    unsupported,
)
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
        compiled: what the real compiler said, where it was on PATH; it overrules the estimates of mapping, memory.
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
            f"mapping and memory as edgetpu_compiler {self.compiled.version} printed them; times estimated with that "
            "mapping"
        )

    @property
    def counts(self) -> tuple[int, int]:
        """(operations on the Edge TPU, operations), as the compiler's log counts them where there is one."""
        if self.compiled is None:
            return len(self.mapping.mapped), len(self.mapping.operations)
        rows = self.compiled.operators
        return sum(row.count for row in rows if row.mapped), sum(row.count for row in rows)

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
            return (Finding(OP_TOO_NEW, f"{COMPILER} refuses the file: no {listing(self.mapping.refusals)}"),)
        message = unsupported(self.mapping)
        return () if message is None else (Finding(CODE, message),)

    @property
    def overruled(self) -> tuple[str, ...]:
        """The documented limits, where the real compiler said what it makes of the file."""
        return () if self.compiled is None else (CODE,)

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        cut = self.mapping.partition
        cut = cut if cut is not None and cut.placed else None
        mapped, total = self.counts
        return {
            "file": self.file,
            "basis": self.basis,
            "compiler": self.compiled.to_json() if self.compiled else None,
            "operations": [operation.to_json() for operation in self.mapping.operations],
            "mapped": mapped,
            "on_cpu": total - mapped,
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


def report_on(census: Census, link: str = "usb3", log: CompilerLog | None = None) -> EdgeTpuReport:
    """Judge a file by its census, on an Edge TPU attached by one of LINKS; values of weights play no part.

    Where there is a log of the compiler, mapping and memory are the log's.
    """
    wiring = Wiring(census)
    mapping = map_operations(census)
    variants: tuple[Mapping, ...] = (mapping,)
    if log is not None:
        variants = map_by_log(mapping, log, census, lambda index: work_of(census.operations[index], wiring))
        mapping = variants[0]
    mapped = [census.operations[operation.index] for operation in mapping.mapped]
    layers = layers_of(mapped, wiring)
    plan = plan_cache(layers, usable_bytes(layers))
    scratch = _scratch(mapped, wiring)
    figures = _memory_figures(layers, plan, scratch)
    others: list[Figure] = []
    if mapped:
        times = [_times(census, one, wiring, link, log) for one in variants]
        latency, energy, *others = [_spanning(*same) for same in zip(*times, strict=True)]
        figures += [latency, energy]
    repairs = suggest_repairs(census, mapping, layers, plan)
    pipelines = pipelines_of(census, mapping, layers, wiring, link) if plan.overflow else ()
    report = EdgeTpuReport(
        census.path, mapping, layers, plan, scratch, tuple(figures), tuple(others), repairs, pipelines
    )
    return report if log is None else with_compiled(report, log)


def _times(census: Census, mapping: Mapping, wiring: Wiring, link: str, log: CompilerLog | None) -> list[Figure]:
    """Latency and energy over `link`, then latency over the other links."""
    layers = layers_of((census.operations[operation.index] for operation in mapping.mapped), wiring)
    plan = plan_cache(layers, usable_bytes(layers))
    if log is not None:
        plan = replace(plan, usable=log.on_chip + log.remaining, on_chip=log.on_chip, streamed=log.streamed)
    inference = inference_of(census, mapping, layers, plan, wiring)
    figures = [latency_figure(inference, link), energy_figure(inference, link)]
    figures += [latency_figure(inference, other) for other in LINKS if other != link]
    said = "" if log is None else f"; what runs there as edgetpu_compiler {log.version} printed it"
    return [replace(figure, provenance=f"{figure.provenance}{said}") for figure in figures]


def _spanning(figure: Figure, *others: Figure) -> Figure:
    """The figure with an interval that holds those of the others too."""
    all_of_them = (figure, *others)
    lows = [one.low for one in all_of_them if one.low is not None]
    highs = [one.high for one in all_of_them if one.high is not None]
    return replace(figure, low=min(lows), high=max(highs))


def with_compiled(report: EdgeTpuReport, log: CompilerLog) -> EdgeTpuReport:
    """The report with the compiler's own figures of memory in the place of the estimates."""
    said = {"on_chip_parameters": log.on_chip, "streamed_parameters": log.streamed}
    figures = tuple(
        Figure(figure.name, float(said[figure.name]), "B", "exact", provenance=f"edgetpu_compiler {log.version}")
        if figure.name in said
        else figure
        for figure in report.figures
    )
    plan = replace(report.plan, usable=log.on_chip + log.remaining, on_chip=log.on_chip, streamed=log.streamed)
    return replace(report, figures=figures, plan=plan, compiled=log)


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
