"""Where the zeros of a stored weight stand, in PyTorch's order of axes whatever the file's layout."""

from __future__ import annotations

from math import prod

import numpy as np

from edgebuild.check.census.model import Census, TensorRecord
from edgebuild.check.channels import channel_axis
from edgebuild.check.wiring import Wiring


def zeros_of(weight: TensorRecord, census: Census) -> np.ndarray | None:
    """As bool [output channels, input channels of a group, places of the kernel]: True where the number is zero.

    None where the census could not read the numbers. A weight behind a runtime's own kernels has its input channels
    last, a depthwise one has none; one that is read by a PyTorch operation is stored as PyTorch has it.
    """
    if not weight.zero_places:
        return None
    bits = np.unpackbits(np.frombuffer(weight.zero_places, np.uint8), count=prod(weight.shape))
    zeros = bits.astype(bool).reshape(weight.shape)
    kernel = Wiring(census).kernel_of(weight)
    axis = channel_axis(weight, kernel)
    if axis:
        return np.moveaxis(zeros, axis, 0).reshape(weight.shape[axis], 1, -1)
    if kernel is not None and "::" not in kernel.name:
        zeros = np.moveaxis(zeros, -1, 1)
    return zeros.reshape(*zeros.shape[:2], -1)
