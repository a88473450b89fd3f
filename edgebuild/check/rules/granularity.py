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


def check(census: Census, promise: Promise, layers: tuple[str, ...]) -> list[Finding]:
    """Find quantized weights whose scales are not as the plan asked."""
    if promise.granularity is None:
        return []
    wiring = Wiring(census)
    weights = [(tensor, wiring.kernel_of(tensor)) for tensor in census.weights if tensor.scale]
    kernels = [(tensor, reader) for tensor, reader in weights if reader is not None and len(tensor.shape) > 1]
    if promise.granularity == "per_tensor":
        wrong = [tensor for tensor, _ in kernels if len(tensor.scale) > 1]
        return _finding(wrong, len(kernels), promise, layers)
    coarse = [(tensor, reader) for tensor, reader in kernels if _is_coarse(tensor, reader)]
    excused = [tensor for tensor, reader in coarse if _prefers_per_tensor(reader, promise)]
    wrong = [tensor for tensor, _ in coarse if tensor not in excused]
    note = [_as_note(finding) for finding in _finding(excused, len(kernels), promise, layers)]
    return _finding(wrong, len(kernels), promise, layers) + note


def _is_coarse(tensor: TensorRecord, reader: OperationRecord) -> bool:
    return len(tensor.scale) == 1 and output_channels(tensor, reader) > 1


def _prefers_per_tensor(reader: OperationRecord, promise: Promise) -> bool:
    """True for FULLY_CONNECTED unless the profile wants it per channel: old runtimes compute that wrongly."""
    return reader.name == _FULLY_CONNECTED and promise.options.get("fully_connected") != "per_channel"


def _finding(tensors: list[TensorRecord], total: int, promise: Promise, layers: tuple[str, ...]) -> list[Finding]:
    if not tensors:
        return []
    found = "per channel" if promise.granularity == "per_tensor" else "per tensor"
    subject = of_total(len(tensors), total, "quantized weight tensor")
    message = f"{promise.granularity} asked: {subject} {found} ({places(tensors)})"
    return [Finding(CODE, message, layers_of(tensors, layers))]


def _as_note(finding: Finding) -> Finding:
    reason = (
        f"{finding.message}; FULLY_CONNECTED is per tensor by choice, because old runtimes compute it right only so"
    )
    return Finding(CODE, reason, finding.layers, severity="note")


RULES.register(CODE)(Rule("weights have one scale per channel or per tensor, as the plan chose", check))
