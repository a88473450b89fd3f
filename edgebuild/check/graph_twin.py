"""A file with delegates against the quantized graph of PyTorch that it was lowered from."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from edgebuild.check.finding import Finding
from edgebuild.check.parity import AFTER_QAT, compare_outputs, reference_findings
from edgebuild.export.feed import from_raw
from edgebuild.export.format import ExportRecord, IoSpec
from edgebuild.figure import Figure

CODE = "graph-runs"


def graph_findings(
    record: ExportRecord, stored: Mapping[str, np.ndarray], graph: Mapping[str, np.ndarray], names: tuple[str, str]
) -> tuple[list[Figure], list[Finding]]:
    """Compare outputs number by number, int8 ones as stored.

    Args:
        record: of the file.
        stored: output -> [samples, ...] as the file gives them.
        graph: output -> the same of the graph, in real numbers.
        names: what gave the graph's and the file's.
    """
    figures, findings = [], []
    real = from_raw(record, stored)
    for spec in record.outputs:
        exact = compare_outputs(_steps(graph[spec.name], spec), stored[spec.name], names=names, output=spec.name)
        close = compare_outputs(graph[spec.name], real[spec.name], names=names, output=spec.name)
        share = 100 * exact.equal / exact.elements
        figures.append(
            Figure("graph_equal_outputs", share, "%", "exact", provenance=f"{spec.name}: bit for bit, {exact.between}")
        )
        wrong = reference_findings(close, AFTER_QAT)
        apart = "" if exact.max_lsb in (0, None) else f", the others differ by at most {exact.max_lsb}"
        message = f"output {spec.name} of {exact.between}: {exact.equal} of {exact.elements} numbers equal{apart}"
        findings += wrong or [Finding(CODE, message, severity="note")]
    return figures, findings


def _steps(values: np.ndarray, spec: IoSpec) -> np.ndarray:
    """Real numbers in the integers of the file's output; as they are where that has none."""
    if spec.scale is None:
        return values
    limits = np.iinfo(spec.dtype)
    steps = np.rint(values / np.float32(spec.scale)) + (spec.zero_point or 0)
    return np.asarray(np.clip(steps, limits.min, limits.max), spec.dtype)
