"""One operation on the Edge TPU, as far as its cost depends on it."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Literal

Kind = Literal["convolution", "depthwise", "fully_connected", "other"]

LANES = 64
"""The array of multipliers is 64 wide and 64 deep: 64 x 64 x 480 MHz are the 4 TOPS that Coral states."""
WORD = 4
"""Input channels are stored in words of four."""
PER_CHANNEL_BYTES = 8
"""Of a convolution's bias and rescaling, stored for each output channel."""
DEPTHWISE_SLOTS = 2
"""Bytes that one weight of a depthwise convolution takes; assumed, no sweep has such a layer."""


@dataclass(frozen=True)
class TpuLayer:
    """One operation that runs on the Edge TPU.

    Attributes:
        name: for people.
        kind: what it computes; `other` has no weights, only stored bytes perhaps.
        positions: places of the output that every weight is used at; of a transposed convolution, of its input.
        taps: height x width of the kernel, 1 for a matrix.
        inputs, outputs: channels; `inputs` is 1 for a depthwise convolution.
        input_bytes, output_bytes: of its activations.
        stored_bytes: of its parameters in the file.
    """

    name: str
    kind: Kind
    positions: int
    taps: int
    inputs: int
    outputs: int
    input_bytes: int
    output_bytes: int
    stored_bytes: int

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference; 0 for operations without weights."""
        return 0 if self.kind == "other" else self.positions * self.taps * self.inputs * self.outputs

    @property
    def array_steps(self) -> int:
        """Steps of the 64 x 64 array: channels that do not fill it cost as much as those that do."""
        if self.kind == "other":
            return 0
        return self.positions * self.taps * ceil(self.inputs / LANES) * ceil(self.outputs / LANES)

    @property
    def parameter_bytes(self) -> int:
        """Bytes that the compiler lays its parameters out to: outputs padded to 64, inputs to 4.

        Exact for every convolution and fully connected layer of the sweeps that `benchmarks/edgetpu_model.py` reads.
        """
        wide = padded(self.outputs, LANES)
        if self.kind == "convolution":
            return self.taps * padded(self.inputs, WORD) * wide + PER_CHANNEL_BYTES * wide
        if self.kind == "depthwise":
            return self.taps * DEPTHWISE_SLOTS * wide + PER_CHANNEL_BYTES * wide
        if self.kind == "fully_connected":
            return padded(self.inputs, WORD) * wide
        return padded(self.stored_bytes, LANES)


def padded(size: int, multiple: int) -> int:
    """The next multiple that is not smaller."""
    return ceil(size / multiple) * multiple
