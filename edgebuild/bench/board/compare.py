"""The outputs of a board against those of this host, of the same file and the same samples."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from edgebuild.check.census.model import Census, CensusReader
from edgebuild.check.census.tflite_delegate import takes_whole_graph
from edgebuild.check.finding import Finding
from edgebuild.check.parity import ParityResult, compare_outputs, runtime_findings
from edgebuild.config.registries import CENSUSES, RUNTIMES
from edgebuild.figure import Figure
from edgebuild.runtime.session import Runtime

CODE = "device-outputs-differ"


def host_outputs(runtime: str, file: Path, samples: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Outputs [samples, ...] of `file` on this host, one thread; samples as `FileOnBoard` takes them.

    Raises:
        ToolError: the runtime is missing or cannot run the file.
    """
    chosen: Runtime = RUNTIMES.get(runtime)
    session = chosen.open(file, 1)
    try:
        count = len(next(iter(samples.values())))
        rows = [session.run({name: array[number] for name, array in samples.items()}) for number in range(count)]
    finally:
        session.close()
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def promises_equal_outputs(file: Path) -> bool:
    """Whether every operation runs on XNNPACK and none computes in floats: its integer kernels agree on all cores."""
    reader: CensusReader = CENSUSES.get(file.suffix.removeprefix("."))
    census: Census = reader.read(file)
    integer = all(not tensor.dtype.startswith("float") for tensor in census.tensors)
    return integer and takes_whole_graph(file.read_bytes())


def compare_with_host(
    here: Mapping[str, np.ndarray], there: Mapping[str, np.ndarray], names: tuple[str, str], *, exact: bool
) -> tuple[list[Figure], list[Finding]]:
    """How outputs of one file differ between the host (`here`) and a board (`there`).

    With `exact` every number must be equal; else rounding is allowed: a step of an integer, 20 dB of a float.
    """
    figures, findings = [], []
    for name, array in here.items():
        result = compare_outputs(array, there[name], names=names, output=name)
        share = 100 * result.equal / result.elements
        figures.append(
            Figure("device_equal_outputs", share, "%", "exact", provenance=f"{name}: bit for bit, {result.between}")
        )
        findings += _findings(result, exact=exact)
    return figures, findings


def _findings(result: ParityResult, *, exact: bool) -> list[Finding]:
    if exact and result.equal < result.elements:
        message = (
            f"output {result.output} of {result.between}: {result.elements - result.equal} of {result.elements} "
            "numbers differ; the integer kernels of this file give the same on every core"
        )
        return [Finding(CODE, message)]
    wrong = [Finding(CODE, finding.message) for finding in runtime_findings(result)]
    if wrong:
        return wrong
    how = "" if result.max_lsb is not None or result.equal == result.elements else f", {result.sqnr_db:.0f} dB"
    message = (
        f"{result.right} runs the file right: {result.equal} of {result.elements} numbers equal those of "
        f"{result.left}{how}"
    )
    return [Finding("device-runs", message, severity="note")]
