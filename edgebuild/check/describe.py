"""A census as a page of the terminal: what is in the file, for people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from edgebuild.check.census.model import Census, TensorRecord
from edgebuild.figure import format_value

_SHA_SHOWN = 12
_NAME_SHOWN = 40
_NO_DELEGATE = "none"


def describe_summary(census: Census, summary: dict[str, Any]) -> RenderableType:
    """The one-screen view: file, interface, tensors by type, operations, delegates, memory, runtime.

    `summary` is `edgebuild.check.summary.census_summary(census)`.
    """
    return Group(
        _headline(census),
        _interface(summary),
        _tensor_types(summary),
        _operation_counts(summary),
        _facts(census, summary),
    )


def describe_tensors(census: Census) -> RenderableType:
    """Every tensor, one a line."""
    table = _table("tensors", "#", "name", "layer", "role", "dtype", "shape", "stored", "scales", "zeros", "values")
    for tensor in census.tensors:
        table.add_row(*_tensor_row(tensor))
    return table


def describe_operations(census: Census) -> RenderableType:
    """Every operation in file order, one a line."""
    table = _table("operations", "#", "name", "version", "layer", "delegate", "reads", "makes")
    for operation in census.operations:
        table.add_row(
            str(operation.index),
            operation.name,
            str(operation.version),
            operation.layer or "",
            operation.delegate or _NO_DELEGATE,
            _numbers(operation.inputs),
            _numbers(operation.outputs),
        )
    return table


def _headline(census: Census) -> Text:
    text = Text(f"{census.path}", style="bold")
    text.append(
        f"  {census.format}, schema {census.schema_version}, {format_value(census.file_bytes, 'B')}", style="not bold"
    )
    return text.append(f", sha256 {census.sha256[:_SHA_SHOWN]}…", style="not bold dim")


def _interface(summary: dict[str, Any]) -> Table:
    table = _table("interface", "", "name", "dtype", "shape", "real = (stored - zero point) x scale")
    for kind in ("inputs", "outputs"):
        for record in summary[kind]:
            scaled = record["scale"] is not None
            formula = f"(q - {record['zero_point']}) x {record['scale']:.6g}" if scaled else ""
            table.add_row(kind[:-1], record["name"], record["dtype"], _shape(record["shape"]), formula)
    return table


def _tensor_types(summary: dict[str, Any]) -> Table:
    table = _table("tensors by type", "role", "dtype", "count", "stored")
    for row in summary["tensors"]:
        stored = format_value(row["bytes"], "B") if row["bytes"] else ""
        table.add_row(row["role"], row["dtype"], str(row["count"]), stored)
    return table


def _operation_counts(summary: dict[str, Any]) -> Table:
    table = _table("operations by name", "operation", "version", "count", "delegate")
    for row in summary["operations"]:
        table.add_row(row["name"], str(row["version"]), str(row["count"]), row["delegate"] or _NO_DELEGATE)
    return table


def _facts(census: Census, summary: dict[str, Any]) -> Table:
    table = Table.grid(padding=(0, 2))
    arena = "unknown" if census.arena_bytes is None else format_value(census.arena_bytes, "B")
    table.add_row("arena", f"{arena} ({census.arena_source})")
    runtime = summary["min_runtime"]
    if runtime["required"]:
        table.add_row("oldest runtime", f"{runtime['required']}, because of {runtime['by']}")
    table.add_row("file states", runtime["stated"] or "no minimum runtime")
    for name, text in summary["metadata"].items():
        table.add_row(f"metadata {name}", text)
    return table


def _tensor_row(tensor: TensorRecord) -> Iterable[str]:
    yield str(tensor.index)
    yield _tail(tensor.name)
    yield tensor.layer or ""
    yield tensor.role
    yield tensor.dtype
    yield _shape(tensor.shape)
    yield format_value(tensor.bytes, "B") if tensor.bytes else ""
    yield _scales(tensor)
    yield "" if tensor.sparsity is None else f"{tensor.sparsity:.1%}"
    yield "" if tensor.distinct is None else str(tensor.distinct)


def _scales(tensor: TensorRecord) -> str:
    if not tensor.scale:
        return ""
    if len(tensor.scale) == 1:
        return f"{tensor.scale[0]:.6g}"
    return f"{len(tensor.scale)} along axis {tensor.axis}"


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, style=None, overflow="fold")
    return table


def _tail(name: str) -> str:
    """The end of a long name: converters put the whole module path in front."""
    return name if len(name) <= _NAME_SHOWN else f"…{name[1 - _NAME_SHOWN :]}"


def _shape(shape: Iterable[int]) -> str:
    return "x".join(str(size) for size in shape) or "scalar"


def _numbers(indices: Iterable[int]) -> str:
    return " ".join(str(index) for index in indices)
