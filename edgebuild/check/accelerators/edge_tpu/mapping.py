"""Which operations of a file run on the Edge TPU and which stay on the CPU, each with the reason."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from packaging.version import Version

from edgebuild.check.accelerators.edge_tpu.supported import reason_against
from edgebuild.check.census.model import Census, OperationRecord
from edgebuild.check.kinds import is_dequantize, is_quantize
from edgebuild.check.promise import RuntimeVersion
from edgebuild.check.runtime_versions.names import tensorflow_release
from edgebuild.check.runtime_versions.table import operation_table
from edgebuild.check.wiring import Wiring
from edgebuild.check.wording import listing

COMPILER = RuntimeVersion("edgetpu-compiler", "16")
CODE = "unsupported-op"
OP_TOO_NEW = "op-too-new"
"""Of the finding for operations that stay on the CPU."""
UNTOLD = "which of them, the log does not say"
_BEHIND = "stands behind an operation that stays on the CPU: only the first part of a model is compiled"
_REFUSED = "is in a file that the compiler refuses as a whole"


@dataclass(frozen=True)
class MappedOperation:
    """One operation of the file and where it runs.

    Attributes:
        index, name, version, layer, place: as in the census; `place` says where it stands, for people.
        mapped: whether it runs on the Edge TPU.
        reason: why it does not; empty where it does.
        own: True where the reason is its own, False where it only stands behind another.
        for_caller: True for a conversion right at an input or output of the file: the CPU does it for a float caller.
        placed: False where a log of the compiler maps some of its kind and does not say whether this one.
    """

    index: int
    name: str
    version: int
    layer: str | None
    place: str
    mapped: bool
    reason: str = ""
    own: bool = True
    for_caller: bool = False
    placed: bool = True

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Mapping:
    """The whole file: its operations in order, and what makes the compiler refuse the file as a whole."""

    operations: tuple[MappedOperation, ...]
    refusals: tuple[str, ...] = ()

    @property
    def mapped(self) -> tuple[MappedOperation, ...]:
        """What runs on the Edge TPU."""
        return tuple(operation for operation in self.operations if operation.mapped)

    @property
    def left(self) -> tuple[MappedOperation, ...]:
        """What runs on the CPU though nobody asked for it."""
        return tuple(operation for operation in self.operations if not operation.mapped and not operation.for_caller)

    @property
    def partition(self) -> MappedOperation | None:
        """The first operation that ends the compiled part; None where nothing does."""
        first = next((operation.index for operation in self.operations if operation.mapped), -1)
        return next((one for one in self.left if one.own and one.index > first), None)


def map_operations(census: Census) -> Mapping:
    """Map every operation as the compiler does: one part of the model, from the first operation that it can take."""
    wiring = Wiring(census)
    refusals = _refusals(census, wiring)
    reasons = {operation.index: reason_against(operation, wiring) for operation in census.operations}
    inside = frozenset() if refusals else _first_part(census, wiring, reasons)
    why = _REFUSED if refusals else _BEHIND
    return Mapping(
        tuple(_mapped(one, wiring, (reasons[one.index], why), inside) for one in census.operations), refusals
    )


def unsupported(mapping: Mapping) -> str | None:
    """One sentence about the operations that the compiler does not take, each with its reason; None where it takes all.

    What merely stands behind another is counted, not named.
    """
    own = [operation for operation in mapping.left if operation.own]
    if not own:
        return None
    by_reason: dict[str, list[str]] = {}
    for operation in own:
        by_reason.setdefault(operation.reason, []).append(f"{operation.name} {operation.place}")
    named = "; ".join(f"{listing(operations)} {reason}" for reason, operations in by_reason.items())
    inside = sum(not operation.for_caller for operation in mapping.operations)
    subject = f"{len(mapping.left)} of {inside} operations would run on the CPU"
    return f"{subject}, from the first that the Edge TPU does not take: {named}"


def _mapped(
    operation: OperationRecord, wiring: Wiring, reasons: tuple[str | None, str], inside: frozenset[int]
) -> MappedOperation:
    """`reasons`: its own, and that of one which has none and does not map either."""
    mapped = operation.index in inside
    reason, other = reasons
    return MappedOperation(
        operation.index,
        operation.name,
        operation.version,
        operation.layer,
        wiring.whereabouts(operation),
        mapped,
        reason="" if mapped else reason or other,
        own=reason is not None,
        for_caller=not mapped and faces_caller(operation, wiring),
    )


def _refusals(census: Census, wiring: Wiring) -> tuple[str, ...]:
    """Versions of operations that the compiler's own parser does not have: it stops there, whatever else is right."""
    found = [_versioned(one, wiring) for one in census.operations if is_refused(one)]
    return tuple(dict.fromkeys(found))


def _versioned(operation: OperationRecord, wiring: Wiring) -> str:
    return f"{operation.name} version {operation.version} {wiring.whereabouts(operation)}"


def is_refused(operation: OperationRecord) -> bool:
    """Whether the compiler's own parser does not have the operation in its version."""
    release = tensorflow_release(COMPILER)
    assert release is not None, "the compiler's parser has a release"
    table = operation_table()
    if operation.name not in table.runtimes:
        return False
    first = table.oldest_runtime(operation.name, operation.version)
    return table.is_beyond(operation.name, operation.version) or (first or Version("0")) > release


def _first_part(census: Census, wiring: Wiring, reasons: dict[int, str | None]) -> frozenset[int]:
    """The operations of the first part that can be compiled.

    TensorFlow Lite cuts a graph into parts for a delegate by going through it in order: a part takes every operation
    of its kind whose inputs are there. The compiler takes the first part of its own kind and leaves the rest.
    """
    ready = {tensor.index for tensor in census.tensors if tensor.index not in wiring.producer}
    waiting = list(census.operations)
    first = next((one for one in waiting if ready.issuperset(one.inputs)), None)
    if first is not None and reasons[first.index] is not None:
        _, waiting = _take(waiting, ready, reasons, compiled=False)
    part, _ = _take(waiting, ready, reasons, compiled=True)
    return frozenset(operation.index for operation in part)


def _take(
    waiting: list[OperationRecord], ready: set[int], reasons: dict[int, str | None], *, compiled: bool
) -> tuple[list[OperationRecord], list[OperationRecord]]:
    """All waiting operations of one kind (compiled or not) whose inputs are there, in file order, and the rest."""
    taken, left = [], []
    for operation in waiting:
        if (reasons[operation.index] is None) == compiled and ready.issuperset(operation.inputs):
            taken.append(operation)
            ready.update(operation.outputs)
        else:
            left.append(operation)
    return taken, left


def faces_caller(operation: OperationRecord, wiring: Wiring) -> bool:
    """True for the conversion right behind an input or right before an output: the CPU does it for a float caller."""
    if not (is_quantize(operation) or is_dequantize(operation)):
        return False
    tensors = [*wiring.inputs(operation), *wiring.outputs(operation)]
    return any(tensor.role in ("input", "output") for tensor in tensors)
