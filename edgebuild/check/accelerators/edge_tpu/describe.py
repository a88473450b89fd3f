"""The report of the Edge TPU as a page of the terminal."""

from __future__ import annotations

from collections import Counter

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

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
    text = Text(f"{report.file}: {len(mapping.mapped)} of {len(mapping.operations)} operations on the Edge TPU", "bold")
    text.append(f"\n{report.basis}", style="not bold dim")
    if mapping.refusals:
        text.append(f"\nthe compiler refuses the file: it does not know {', '.join(mapping.refusals)}", "not bold red")
    elif mapping.partition is not None:
        cut = mapping.partition
        text.append(f"\nthe compiled part ends before {cut.name} {cut.place}: it {cut.reason}", style="not bold red")
    return text


def _operations(report: EdgeTpuReport) -> Table:
    table = Table(title="operations", title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
    for column in ("operation", "count", "where", "why, and which"):
        table.add_column(column, overflow="fold")
    rows: Counter[tuple[str, bool, str]] = Counter()
    places: dict[tuple[str, bool, str], list[str]] = {}
    for operation in report.mapping.operations:
        reason = "converts for the caller" if operation.for_caller else operation.reason
        key = (operation.name, operation.mapped, reason)
        rows[key] += 1
        places.setdefault(key, []).append(operation.place)
    for key, number in rows.items():
        name, mapped, reason = key
        named = list(dict.fromkeys(places[key]))
        shown = ", ".join(named[:_SHOWN_PLACES]) + (", …" if len(named) > _SHOWN_PLACES else "")
        table.add_row(name, str(number), "Edge TPU" if mapped else "CPU", f"{reason} ({shown})" if reason else "")
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
