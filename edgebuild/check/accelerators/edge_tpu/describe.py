"""The report of the Edge TPU as a page of the terminal."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from edgebuild.check.accelerators.edge_tpu.mapping import UNTOLD
from edgebuild.check.accelerators.edge_tpu.report import EdgeTpuReport
from edgebuild.check.wording import count
from edgebuild.figure import format_value

_SHOWN_PLACES = 3


def describe_report(report: EdgeTpuReport) -> RenderableType:
    """Headline, one line a kind of operation and reason, figures, repairs."""
    parts: list[RenderableType] = [_headline(report), _operations(report), _figures(report)]
    if report.pipelines:
        parts.append(_pipelines(report))
    if report.repairs:
        parts.append(_repairs(report))
    return Group(*parts)


def _headline(report: EdgeTpuReport) -> Text:
    mapping = report.mapping
    mapped, total = report.counts
    text = Text(f"{report.file}: {mapped} of {total} operations on the Edge TPU", "bold")
    text.append(f"\n{report.basis}", style="not bold dim")
    if report.compiled is not None:
        if total != len(mapping.operations):
            text.append(
                f"\nthe log counts {count(total, 'operation')}, the file has {len(mapping.operations)}", "not bold"
            )
        for finding in report.findings:
            text.append(f"\n{finding.message}", style="not bold red")
    elif mapping.refusals:
        text.append(f"\nthe compiler refuses the file: it does not know {', '.join(mapping.refusals)}", "not bold red")
    elif mapping.partition is not None:
        cut = mapping.partition
        text.append(f"\nthe compiled part ends before {cut.name} {cut.place}: it {cut.reason}", style="not bold red")
    return text


def _operations(report: EdgeTpuReport) -> Table:
    table = Table(title="operations", title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
    for column in ("operation", "count", "where", "why, and which"):
        table.add_column(column, overflow="fold")
    rows: dict[tuple[str, bool, str, bool], list[str]] = {}
    for operation in report.mapping.operations:
        reason = "converts for the caller" if operation.for_caller else operation.reason
        rows.setdefault((operation.name, operation.mapped, reason, operation.placed), []).append(operation.place)
    for (name, mapped, reason, placed), places in rows.items():
        named = list(dict.fromkeys(places))
        shown = ", ".join(named[:_SHOWN_PLACES]) + (", …" if len(named) > _SHOWN_PLACES else "")
        which = shown if placed else UNTOLD
        why = f"{reason} ({which})" if reason else "" if placed else which
        table.add_row(name, str(len(places)), "Edge TPU" if mapped else "CPU", why)
    return table


def _figures(report: EdgeTpuReport) -> Table:
    table = Table.grid(padding=(0, 2))
    for figure in (*report.figures, *report.other_links):
        short = str(figure).removesuffix(f" ({figure.provenance})")
        link = figure.provenance.partition(":")[0].rpartition(" ")[2] if figure.name == "latency" else ""
        table.add_row(f"{figure.name.replace('_', ' ')} {link}".strip(), short)
    if report.plan.streamed_layers:
        table.add_row("streamed", count(len(report.plan.streamed_layers), "layer"))
    return table


def _pipelines(report: EdgeTpuReport) -> Table:
    table = Table(title="on several of them", title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
    for column in ("Edge TPUs", "streamed", "from input to output", "from one output to the next"):
        table.add_column(column, overflow="fold")
    for pipeline in report.pipelines:
        times = [f"{format_value(part.middle, 'ms')} estimated" for part in (pipeline.latency, pipeline.interval)]
        table.add_row(str(len(pipeline.segments)), format_value(float(pipeline.streamed), "B"), *times)
    return table


def _repairs(report: EdgeTpuReport) -> Text:
    text = Text("what to do", style="bold")
    for repair in report.repairs:
        text.append(f"\n- {repair}", style="not bold")
    return text
