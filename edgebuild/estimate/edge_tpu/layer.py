"""One operation on the Edge TPU, as far as its cost depends on it."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from typing import Literal

Kind = Literal["convolution", "depthwise", "fully_connected", "constants", "other"]

LANES = 64
"""The array of multipliers is 64 wide and 64 deep: 64 x 64 x 480 MHz are the 4 TOPS that Coral states."""
WORD = 4
"""Input channels are stored in words of four."""
BIAS_BYTES, SCALE_BYTES = 4, 4
"""For each output channel: of a bias, and of a scale of its own where the weight has one a channel."""
DEPTHWISE_BYTES = 4
"""Of one weight of a depthwise convolution: it lies in the word of its input channel, beside three zeros."""
CONSTANT_BYTES = 16
"""Of one stored number that is added to or multiplied with activations."""


@dataclass(frozen=True)
class TpuLayer:
    """One operation that runs on the Edge TPU.

    Attributes:
        name: for people.
        kind: what it computes; `constants` is arithmetic with stored numbers; `other` has no weights, only stored
            bytes perhaps.
        positions: places of the output that every weight is used at; of a transposed convolution, of its input.
        taps: height x width of the kernel, 1 for a matrix.
        inputs, outputs: channels; `inputs` is 1 for a depthwise convolution.
        input_bytes, output_bytes: of its activations.
        stored_bytes: of its parameters in the file.
        channel_bytes: for each output channel besides weights: BIAS_BYTES, SCALE_BYTES, both or none.
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
    channel_bytes: int = 0

    @property
    def has_weights(self) -> bool:
        """True for what multiplies and accumulates."""
        return self.kind in ("convolution", "depthwise", "fully_connected")

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference; 0 for operations without weights."""
        return self.positions * self.taps * self.inputs * self.outputs if self.has_weights else 0

    @property
    def array_steps(self) -> int:
        """Steps of the 64 x 64 array: channels that do not fill it cost as much as those that do."""
        if not self.has_weights:
            return 0
        return self.positions * self.taps * ceil(self.inputs / LANES) * ceil(self.outputs / LANES)

    @property
    def parameter_bytes(self) -> int:
        """Bytes that the compiler lays its parameters out to: outputs padded to 64, inputs to 4.

        Exact for every convolution and fully connected layer of the sweeps that `benchmarks/edgetpu_model.py` reads;
        `benchmarks/edgetpu_memory.py` holds it against published logs of the compiler.
        """
        if self.kind == "constants":
            return CONSTANT_BYTES * self.stored_bytes
        if not self.has_weights:
            return padded(self.stored_bytes, LANES)
        depth = DEPTHWISE_BYTES if self.kind == "depthwise" else padded(self.inputs, WORD)
        return (self.taps * depth + self.channel_bytes) * padded(self.outputs, LANES)

    @property
    def is_always_streamed(self) -> bool:
        """True for stored numbers of arithmetic: compilers leave them off the chip however much room there is."""
        return self.kind == "constants"


def padded(size: int, multiple: int) -> int:
    """The next multiple that is not smaller."""
    return ceil(size / multiple) * multiple
