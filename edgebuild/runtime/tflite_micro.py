"""TFLite Micro's interpreter, built for this host: the reference that generated C must equal, bit for bit.

It is no runtime of a target: it checks. Its package is a development build, so that nothing but the tests require it.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from collections.abc import Sequence

import numpy as np

from edgebuild.errors import ToolError

DISTRIBUTION = "tflite-micro"
_ARENA_BYTES = 1 << 25
"""More than any microcontroller has: what a model needs there is counted elsewhere."""


def reference_version() -> str | None:
    """Version of the installed interpreter; None where there is none."""
    if importlib.util.find_spec("tflite_micro") is None:
        return None
    return importlib.metadata.version(DISTRIBUTION)


def reference_outputs(data: bytes, samples: Sequence[Sequence[np.ndarray]], outputs: int) -> list[tuple[bytes, ...]]:
    """What TFLite Micro computes: for each sample, the bytes of each of the model's `outputs`.

    Raises:
        ToolError: it cannot run the model; the message says why.
    """
    from tflite_micro.python.tflite_micro import runtime

    computed = []
    try:
        interpreter = runtime.Interpreter.from_bytes(data, arena_size=_ARENA_BYTES)
        for sample in samples:
            for number, part in enumerate(sample):
                interpreter.set_input(part, number)
            interpreter.invoke()
            computed.append(tuple(interpreter.get_output(number).tobytes() for number in range(outputs)))
    except (RuntimeError, ValueError) as error:
        msg = f"TFLite Micro cannot run the model: {str(error).strip() or type(error).__name__}"
        raise ToolError(msg) from error
    return computed
