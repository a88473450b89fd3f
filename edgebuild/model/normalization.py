"""The normalisation that a project declares: `(raw * scale - mean) / std`, per channel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from edgebuild.errors import ConfigError


@dataclass(frozen=True)
class Normalization:
    """`(raw * scale - mean) / std`; `mean` and `std` hold one value, one per channel, or nothing (0 and 1)."""

    scale: float = 1.0
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()

    @staticmethod
    def from_json(raw: Mapping[str, Any] | None) -> Normalization | None:
        """Read `{scale, mean, std}`; None where nothing is declared.

        Raises:
            ConfigError: a std is not positive.
        """
        if not raw:
            return None
        scale = raw.get("scale")
        mean, std = (_values(raw.get(key)) for key in ("mean", "std"))
        if any(value <= 0 for value in std):
            msg = f"data.normalization.std: found {list(std)}, expected positive numbers"
            raise ConfigError(msg)
        return Normalization(1.0 if scale is None else float(scale), mean, std)

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Normalise a batch [n, c, ...] of any dtype; the result is float32.

        Raises:
            ConfigError: `mean` or `std` has another length than the samples have channels.
        """
        result = values.astype(np.float32) * np.float32(self.scale)
        if self.mean:
            result = result - self._per_channel("mean", self.mean, values.shape)
        if self.std:
            result = result / self._per_channel("std", self.std, values.shape)
        return np.asarray(result, dtype=np.float32)

    def _per_channel(self, key: str, numbers: tuple[float, ...], shape: tuple[int, ...]) -> np.ndarray:
        array = np.asarray(numbers, dtype=np.float32)
        if len(numbers) == 1:
            return array.reshape(())
        channels = shape[1] if len(shape) > 1 else 0
        if len(numbers) != channels:
            msg = (
                f"data.normalization.{key}: found {len(numbers)} values for samples of shape {tuple(shape[1:])}, "
                f"expected one, or one per channel ({channels})"
            )
            raise ConfigError(msg, remedy="samples are channel first (channels, height, width)")
        return array.reshape(1, -1, *[1] * (len(shape) - 2))


def _values(raw: Any) -> tuple[float, ...]:
    if raw is None:
        return ()
    return tuple(float(value) for value in raw) if isinstance(raw, (list, tuple)) else (float(raw),)
