"""Faults of old runtimes that no version number tells: they load the file and compute something wrong.

Each was seen by running such files; the tests do not repeat that: the old runtime needs an environment of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from packaging.version import Version

from edgebuild.check.census.model import Census, OperationRecord, TensorRecord
from edgebuild.check.promise import RuntimeVersion
from edgebuild.check.runtime_versions.names import parse_version
from edgebuild.check.wiring import STORED, Wiring


@dataclass(frozen=True)
class Fault:
    """One fault: `runtime` up to and including `last` does what `effect` says with operations that `hits` names."""

    runtime: str
    last: Version
    effect: str
    hits: Callable[[OperationRecord, TensorRecord, TensorRecord], bool]
    """(operation, activation, weight) -> is it one of them?"""


def _dynamic_per_channel(operation: OperationRecord, activation: TensorRecord, weight: TensorRecord) -> bool:
    hybrid = activation.dtype == "float32" and weight.dtype == "int8"
    return operation.name == "FULLY_CONNECTED" and hybrid and len(weight.scale) > 1


def _dynamic_int4(operation: OperationRecord, activation: TensorRecord, weight: TensorRecord) -> bool:
    return operation.name.endswith("CONV_2D") and activation.dtype == "float32" and weight.dtype == "int4"


FAULTS: tuple[Fault, ...] = (
    Fault(
        runtime="tflite-runtime",
        last=Version("2.14.0"),
        effect="returns wrong numbers without an error (2 to 24 dB)",
        hits=_dynamic_per_channel,
    ),
    Fault(
        runtime="tflite-runtime",
        last=Version("2.14.0"),
        effect="returns NaN without an error",
        hits=_dynamic_int4,
    ),
)


def faults_of(census: Census, runtime: RuntimeVersion) -> list[tuple[Fault, list[OperationRecord]]]:
    """The faults of `runtime` that the file would meet, with the operations concerned."""
    wiring = Wiring(census)
    met = []
    for fault in FAULTS:
        if runtime.name != fault.runtime or runtime.version is None or parse_version(runtime) > fault.last:
            continue
        hit = [operation for operation in census.operations if _meets(fault, operation, wiring)]
        if hit:
            met.append((fault, hit))
    return met


def _meets(fault: Fault, operation: OperationRecord, wiring: Wiring) -> bool:
    inputs = wiring.inputs(operation)
    activations = [tensor for tensor in inputs if tensor.role not in STORED]
    weights = [tensor for tensor in inputs if tensor.role == "weight"]
    return bool(activations and weights) and fault.hits(operation, activations[0], weights[0])
