"""What to do about what is not mapped or does not fit: the repairs that users of the Edge TPU know from experience."""

from __future__ import annotations

from collections.abc import Iterable

from edgebuild.check.accelerators.edge_tpu.mapping import UNTOLD, MappedOperation, Mapping, is_refused
from edgebuild.check.accelerators.edge_tpu.supported import SUPPORTED
from edgebuild.check.census.model import Census, OperationRecord
from edgebuild.check.wiring import Wiring
from edgebuild.check.wording import count, listing
from edgebuild.estimate.edge_tpu.layer import LANES, TpuLayer
from edgebuild.estimate.edge_tpu.memory import CachePlan
from edgebuild.figure import format_value

_REPLACEMENTS = {
    "HARD_SWISH": "RELU6, which this generation of the compiler has",
    "LEAKY_RELU": "RELU, or PRELU with one slope a channel",
    "ELU": "RELU",
    "GELU": "RELU, or LOGISTIC times its input",
    "ABS": "MAXIMUM of the input and its negative",
    "NEG": "MUL by -1",
    "DIV": "MUL by the reciprocal where the divisor is constant",
    "BATCH_MATMUL": "FULLY_CONNECTED or a 1 x 1 CONV_2D where one side is constant",
    "RESIZE_BICUBIC": "RESIZE_BILINEAR or TRANSPOSE_CONV",
    "DEPTH_TO_SPACE": "TRANSPOSE_CONV or RESIZE_NEAREST_NEIGHBOR",
    "GATHER": "SLICE or STRIDED_SLICE",
    "UNPACK": "SPLIT and RESHAPE",
    "SPLIT_V": "several SLICE",
    "MIRROR_PAD": "PAD",
    "PADV2": "PAD",
    "POW": "MUL of the input by itself",
    "SQUARE": "MUL of the input by itself",
    "CONV_3D": "CONV_2D over slices",
    "EXP": "LOGISTIC or TANH where the model allows",
    "ARG_MAX": "nothing: return the scores and take the largest on the CPU",
}
"""Operation -> what takes its place."""
_TAIL = 0.25
"""An unsupported end of at most this share of the operations is moved off the model, not mended."""
_WASTE = 1.25
"""Padding of a layer's parameters by more than this is worth a word."""
_SMALLEST = 65_536
"""Bytes of a layer's parameters below which padding does not matter."""


def suggest_repairs(census: Census, mapping: Mapping, layers: Iterable[TpuLayer], plan: CachePlan) -> tuple[str, ...]:
    """One sentence a repair, the most useful first."""
    found = _readable(census)
    own = [operation for operation in mapping.left if operation.own]
    for reason, group in _grouped(own).items():
        found += _mend(reason, group)
    cut = mapping.partition
    if cut is not None and cut.placed and not mapping.refusals and mapping.mapped and _is_tail(mapping, cut):
        tensors = {tensor.index: tensor.name for tensor in census.tensors}
        record = census.operations[cut.index]
        named = listing(tensors[index] for index in record.inputs if index in tensors and _is_made(census, index))
        found.append(f"end the model before {cut.name} {cut.place} (at {named}) and do the rest in the application")
    return (*found, *_fit(tuple(layers), plan))


def _readable(census: Census) -> list[str]:
    """What makes a file readable for the compiler; operations that it has in no version are replaced anyway."""
    wiring = Wiring(census)
    groups: dict[str, list[str]] = {}
    for operation in census.operations:
        if is_refused(operation) and operation.name in SUPPORTED:
            groups.setdefault(_way_out(operation, wiring), []).append(wiring.whereabouts(operation))
    return [words.format(where=listing(list(dict.fromkeys(places)))) for words, places in groups.items()]


def _way_out(operation: OperationRecord, wiring: Wiring) -> str:
    """The repair of one operation in a version that is too new, with a hole for where it stands."""
    computed = wiring.computed_inputs(operation)
    weights = [tensor for tensor in wiring.inputs(operation) if tensor.role == "weight"]
    if operation.name == "CONV_2D" and computed and weights and computed[0].shape[-1:] != weights[0].shape[-1:]:
        return "write the grouped CONV_2D {where} as one a group, with SLICE before and CONCATENATION behind"
    if operation.name == "TRANSPOSE_CONV" and operation.options.get("fusedActivationFunction"):
        return "move the activation out of TRANSPOSE_CONV {where}, into an operation of its own"
    return f"lower version {operation.version} of {operation.name} {{where}}, where it means the same"


def _grouped(operations: Iterable[MappedOperation]) -> dict[str, list[MappedOperation]]:
    groups: dict[str, list[MappedOperation]] = {}
    for operation in operations:
        wrong_type = operation.reason.startswith("computes in")
        key = operation.reason if wrong_type else f"{operation.name} {operation.reason}"
        groups.setdefault(key, []).append(operation)
    return groups


def _mend(reason: str, group: list[MappedOperation]) -> list[str]:
    first = group[0]
    places = listing(dict.fromkeys(operation.place for operation in group))
    where = places if all(operation.placed for operation in group) else f"({UNTOLD})"
    if "not among the supported" in reason:
        instead = _REPLACEMENTS.get(first.name, "operations of the table of supported ones")
        return [f"replace {first.name} {where} by {instead}"]
    for words, repair in _BY_REASON:
        if words in reason:
            name = listing(dict.fromkeys(operation.name for operation in group))
            return [repair.format(name=name, where=where)]
    return []


_BY_REASON: tuple[tuple[str, str], ...] = (
    ("fused activation", "move the activation out of {name} {where}, into an operation of its own"),
    ("compiled already", "inspect the file that it was compiled from"),
    ("not all zero", "join zeros in {name} {where}, and add the constant behind"),
    ("has a constant", "split {name} {where}: one of two inputs each, the constant in a pair of its own"),
    ("only the innermost", "give {name} {where} tensors of three dimensions: batch 1, and merged axes by RESHAPE"),
    ("elements, at most", "take softmax out of the model {where}, or over fewer classes"),
    ("expected one dimension larger", "give {name} {where} one vector at a time, or a 1 x 1 CONV_2D in its place"),
    ("scales of its weight", "export {name} {where} with one scale (export.options.fully_connected: per_tensor)"),
    ("dynamic shape", "export the model with fixed shapes, batch 1"),
    ("computes in float", "quantize {name} {where}: full integer, dtype int8"),
    ("computes in int16", "quantize {name} {where} to 8 bits: dtype int8"),
    ("computes in int32", "feed {name} {where} 8-bit values, or do it in the application"),
    ("computes in int64", "feed {name} {where} 8-bit values, or do it in the application"),
    ("expected a multiple of", "pad the channels of {name} {where} to a multiple of 4"),
    ("expected 1 everywhere", "replace {name} {where} by a pooling or a strided convolution"),
    ("is dilated", "dilate {name} {where} by the same in height and width"),
    ("batch dimension", "move the work of {name} {where} off the batch dimension"),
)
"""(words of a reason, what mends it)"""


def _is_tail(mapping: Mapping, cut: MappedOperation) -> bool:
    return len(mapping.operations) - cut.index <= max(_TAIL * len(mapping.operations), 1)


def _is_made(census: Census, index: int) -> bool:
    return any(index in operation.outputs for operation in census.operations)


def _fit(layers: tuple[TpuLayer, ...], plan: CachePlan) -> list[str]:
    found = []
    if plan.overflow:
        over = sum(layer.parameter_bytes for layer in layers if not layer.is_always_streamed) - plan.usable
        largest = listing(dict.fromkeys(layer.name for layer in plan.overflow))
        found.append(
            f"shrink the parameters by {format_value(over, 'B')} to fit the memory (prune or factorize; streamed each "
            f"time: {largest})"
        )
    constants = [layer for layer in layers if layer.is_always_streamed and layer.parameter_bytes >= _SMALLEST]
    if constants:
        size = format_value(sum(layer.parameter_bytes for layer in constants), "B")
        named = listing(dict.fromkeys(layer.name for layer in constants))
        found.append(
            f"fold the stored numbers of {named} into the convolution before: {size} of them are always streamed"
        )
    wasteful = [layer for layer in layers if _is_wasteful(layer)]
    if wasteful:
        lost = sum(layer.parameter_bytes - layer.stored_bytes for layer in wasteful)
        named = listing(dict.fromkeys(f"{layer.name} ({layer.outputs})" for layer in wasteful))
        found.append(
            f"use output channels in multiples of {LANES} in {count(len(wasteful), 'layer')}: padding takes "
            f"{format_value(lost, 'B')} ({named})"
        )
    return found


def _is_wasteful(layer: TpuLayer) -> bool:
    if layer.kind not in ("convolution", "fully_connected") or layer.parameter_bytes < _SMALLEST:
        return False
    return layer.outputs % LANES != 0 and layer.parameter_bytes > _WASTE * layer.stored_bytes
