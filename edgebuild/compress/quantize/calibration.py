"""The calibration samples: which ones a step draws, and where they lie for the export format."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from edgebuild.compress.step import StepContext
from edgebuild.config.parameters import Parameters
from edgebuild.errors import ConfigError
from edgebuild.model.data_folder import read_inputs

_DEFAULT_SAMPLES = 256


class Calibration(Parameters):
    """Which samples show the quantizer the range of every activation."""

    samples: int | None = Field(
        default=None,
        ge=1,
        description="number of samples, drawn from the calibration split by the seed; default: at most 256",
    )


def write_calibration(context: StepContext, asked: int | None, step: str) -> dict[str, np.ndarray]:
    """Draw samples from the calibration split, write them into the step's model folder and return them.

    Raises:
        ConfigError: the calibration split has fewer samples than asked for.
    """
    arrays = read_inputs(context.data, "calibration")
    available = min(len(array) for array in arrays.values())
    samples = min(_DEFAULT_SAMPLES, available) if asked is None else asked
    if available < samples:
        msg = f"{step}.calibration.samples: {samples} asked, but the calibration split has {available}"
        raise ConfigError(msg, remedy=f"set samples to at most {available}, or data.calibration.samples higher")
    rows = np.sort(np.random.default_rng(context.seed).permutation(available)[:samples])
    chosen = {name: np.ascontiguousarray(array[rows]) for name, array in arrays.items()}
    for name, array in chosen.items():
        np.save(context.output / f"calibration.{name}.npy", array)
    return chosen
