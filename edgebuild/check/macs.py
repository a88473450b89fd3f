"""Multiply-accumulates in the file, from the shapes of its tensors."""

from __future__ import annotations

import math

from edgebuild.check.census.model import TensorRecord
from edgebuild.check.channels import output_channels
from edgebuild.check.wiring import Wiring


def weight_macs(weight: TensorRecord, wiring: Wiring) -> int:
    """MACs of the operations that read `weight`, for the shapes in the file; 0 where none does.

    A convolution or matrix product uses every number of its weight once per position of its output. That is not so for
    a transposed convolution.
    """
    kernel = wiring.kernel_of(weight)
    if kernel is None:
        return 0
    # One layer may be called twice; a weight that is decoded first has one reader, which decodes it.
    readers = [reader for reader in wiring.consumers[weight.index] if reader.name == kernel.name] or [kernel]
    outputs = [tensor for reader in readers for tensor in wiring.outputs(reader)[:1]]
    positions = sum(math.prod(output.shape) // output_channels(weight, kernel) for output in outputs)
    return positions * math.prod(weight.shape)
