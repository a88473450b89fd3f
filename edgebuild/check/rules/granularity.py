"""Rule `granularity`: weights have one scale per channel or per tensor, as the plan chose."""

from __future__ import annotations

from edgebuild.check.census.model import Census, OperationRecord, TensorRecord
from edgebuild.check.channels import output_channels
from edgebuild.check.finding import Finding
from edgebuild.check.promise import Promise
from edgebuild.check.rule import Rule
from edgebuild.check.wiring import Wiring
from edgebuild.check.wording import layers_of, of_total, places
from edgebuild.config.registries import RULES

CODE = "granularity"

_FULLY_CONNECTED = "FULLY_CONNECTED"
_XNNPACK_FULLY_CONNECTED = "XNNFullyConnected"
_TOSA_CONVOLUTION = "CONV2D"
_DEPTHWISE = "DEPTHWISE_CONV_2D"
_LOOKUPS = ("GATHER", "EMBEDDING_LOOKUP")
"""They copy rows of a table: what they give has one scale, and has no output channels."""
_OLD_RUNTIMES = "FULLY_CONNECTED is per tensor by choice, because old runtimes compute it right only so"
_TRAINED = "linear layers are per tensor by choice of the step that trained them"
_EVERY_RUNTIME = "a depthwise convolution of float activations is per channel, because every runtime reads it so"


def check(census: Census, promise: Promise, layers: tuple[str, ...]) -> list[Finding]:
    """Find quantized weights whose scales are not as the plan asked."""
    if promise.granularity is None:
        return []
    wiring = Wiring(census)
    weights = [(tensor, wiring.kernel_of(tensor)) for tensor in census.weights if tensor.scale]
    kernels = [
        (tensor, reader)
        for tensor, reader in weights
        if reader is not None and len(tensor.shape) > 1 and reader.name not in _LOOKUPS
    ]
    if promise.granularity == "per_tensor":
        wrong = [tensor for tensor, _ in kernels if len(tensor.scale) > 1]
        excused = [
            tensor for tensor, reader in kernels if tensor in wrong and _needs_per_channel(tensor, reader, wiring)
        ]
        why = _EVERY_RUNTIME
    else:
        wrong = [tensor for tensor, reader in kernels if _is_coarse(tensor, reader)]
        excused = [
            tensor for tensor, reader in kernels if tensor in wrong and _prefers_per_tensor(tensor, reader, promise)
        ]
        why = _OLD_RUNTIMES if promise.format == "tflite" else _TRAINED
    left = [tensor for tensor in wrong if tensor not in excused]
    notes = [_as_note(finding, why) for finding in _finding(excused, len(kernels), promise, layers)]
    return _finding(left, len(kernels), promise, layers) + notes


def _is_coarse(tensor: TensorRecord, reader: OperationRecord) -> bool:
    return len(tensor.scale) == 1 and output_channels(tensor, reader) > 1


def _prefers_per_tensor(tensor: TensorRecord, reader: OperationRecord, promise: Promise) -> bool:
    """True for FULLY_CONNECTED unless the profile wants it per channel: old runtimes compute that wrongly.

    For XNNPACK and TOSA only where a step of the plan chose it, so that its weights serve both kinds of file.
    """
    chosen = promise.options.get("fully_connected")
    if reader.name == _XNNPACK_FULLY_CONNECTED or _is_linear_of_tosa(tensor, reader):
        return chosen == "per_tensor"
    return reader.name == _FULLY_CONNECTED and chosen != "per_channel"


def _is_linear_of_tosa(tensor: TensorRecord, reader: OperationRecord) -> bool:
    """TOSA has a linear layer as a convolution with a filter of one pixel; which of both was trained, a claim tells."""
    return reader.name == _TOSA_CONVOLUTION and tensor.shape[1:3] == (1, 1)


def _needs_per_channel(tensor: TensorRecord, reader: OperationRecord, wiring: Wiring) -> bool:
    """True for a depthwise convolution of int8 weights with float32 activations, as `int8-dynamic` has them."""
    is_read_as_stored = wiring.reader_of(tensor) == reader
    return reader.name == _DEPTHWISE and is_read_as_stored and wiring.computed_inputs(reader)[0].dtype == "float32"


def _finding(tensors: list[TensorRecord], total: int, promise: Promise, layers: tuple[str, ...]) -> list[Finding]:
    if not tensors:
        return []
    found = "per channel" if promise.granularity == "per_tensor" else "per tensor"
    subject = of_total(len(tensors), total, "quantized weight tensor")
    message = f"{promise.granularity} asked: {subject} {found} ({places(tensors)})"
    return [Finding(CODE, message, layers_of(tensors, layers))]


def _as_note(finding: Finding, why: str) -> Finding:
    return Finding(CODE, f"{finding.message}; {why}", finding.layers, severity="note")


RULES.register(CODE)(Rule("weights have one scale per channel or per tensor, as the plan chose", check))
