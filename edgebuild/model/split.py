"""One split of the user's data: a pair of arrays or a torch Dataset, read sample by sample in one form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgebuild.errors import ConfigError
from edgebuild.model.normalization import Normalization
from edgebuild.model.user_code import user_errors


@dataclass(frozen=True)
class Split:
    """A split as the user gave it; nothing is read before `stack` asks for it.

    Attributes:
        name: `train`, `validation` or `calibration`, for messages.
        inputs: names of the model's inputs, in the order of the model's arguments.
        length: number of samples.
        normalization: applied to every floating or narrow (8- or 16-bit) input when it is read.
        source: a torch-like Dataset (`len`, `[i]`), or, if `columnar`, inputs by name and targets as whole arrays.
        paired: the samples carry a target; calibration samples may not.
        project_root: to name the user's line when their Dataset raises.
    """

    name: str
    inputs: tuple[str, ...]
    length: int
    normalization: Normalization | None
    source: Any
    columnar: bool
    paired: bool
    project_root: Path

    def stack(self, indices: Sequence[int] | np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray | None]:
        """Inputs (name -> [n, ...], normalised) and targets [n, ...] of the samples at `indices`.

        Targets are int64 or float32; floating and narrow inputs are float32, wider integers stay as they are.

        Raises:
            ConfigError: two samples have different shapes, or the normalisation does not fit them.
        """
        if self.columnar:
            columns, all_targets = self.source
            chosen = np.asarray(indices, dtype=np.int64)
            raw = {name: columns[name][chosen] for name in self.inputs}
            targets = None if all_targets is None else all_targets[chosen]
        else:
            raw, targets = self._stack_samples(indices)
        return {name: self._prepare(array) for name, array in raw.items()}, _as_targets(targets)

    def _stack_samples(self, indices: Sequence[int] | np.ndarray) -> tuple[dict[str, np.ndarray], np.ndarray | None]:
        with user_errors(f"{self.name} data: reading a sample failed", self.project_root):
            items = [self.source[int(index)] for index in indices]
        inputs = [_in_order(_parts(item[0] if self.paired else item), self.inputs) for item in items]
        stacked = {name: self._same_shape(name, [sample[name] for sample in inputs]) for name in self.inputs}
        if not self.paired:
            return stacked, None
        return stacked, self._same_shape("target", [as_array(item[1]) for item in items])

    def _same_shape(self, what: str, arrays: list[np.ndarray]) -> np.ndarray:
        shapes = {array.shape for array in arrays}
        if len(shapes) > 1:
            found = " and ".join(str(shape) for shape in sorted(shapes)[:2])
            msg = f"{self.name} data: {what} has samples of different shapes: {found}; expected one shape"
            raise ConfigError(msg)
        return np.stack(arrays)

    def _prepare(self, batch: np.ndarray) -> np.ndarray:
        narrow = batch.dtype.kind in "fb" or (batch.dtype.kind in "iu" and batch.dtype.itemsize <= 2)
        if not narrow:
            return batch
        return batch.astype(np.float32) if self.normalization is None else self.normalization.apply(batch)


def as_split(
    name: str,
    value: Any,
    project_root: Path,
    normalization: Normalization | None = None,
    input_names: Sequence[str] = (),
) -> Split:
    """Read one split in any of the forms a data function may return.

    `value` is a Dataset of `(x, y)`, or a pair `(x, y)` of arrays or tensors, batch first. `x` (of the pair or of a
    sample) is one array, a tuple of arrays, or a mapping from input name to array. Calibration may have no y.
    Names come from the mapping, else from `input_names`, else they are `input` or `input_0`, `input_1`, …

    Raises:
        ConfigError: another form, an empty split, or x and y of different lengths.
    """
    if isinstance(value, Mapping) or _is_array(value):
        value = (value, None)
    if isinstance(value, (tuple, list)) and len(value) == 2 and not _is_dataset(value):
        columns, targets = _columns(name, *value)
        names = _input_names(columns, input_names, name)
        renamed = _in_order(columns, names)
        length = len(next(iter(renamed.values())))
        return Split(name, names, length, normalization, (renamed, targets), True, targets is not None, project_root)
    if not _is_dataset(value):
        msg = f"{name} data: found {type(value).__name__}, expected a Dataset of (x, y) or a pair of arrays (x, y)"
        raise ConfigError(msg, remedy=f"return {{'{name}': (x, y), …}} with x and y as arrays, one row per sample")
    if len(value) == 0:
        raise _empty(name)
    with user_errors(f"{name} data: reading a sample failed", project_root):
        first = value[0]
    paired = isinstance(first, (tuple, list)) and len(first) == 2
    if not paired and name != "calibration":
        msg = f"{name} data: a sample is {_describe(first)}, expected a pair (x, y)"
        raise ConfigError(msg)
    names = _input_names(_parts(first[0] if paired else first), input_names, name)
    return Split(name, names, len(value), normalization, value, False, paired, project_root)


def as_array(value: Any) -> np.ndarray:
    """The numpy array of a tensor, an array or a number."""
    return np.asarray(value.detach().cpu().numpy() if hasattr(value, "detach") else value)


def _columns(name: str, x: Any, y: Any) -> tuple[dict[Any, np.ndarray], np.ndarray | None]:
    columns = {key: as_array(column) for key, column in _parts(x).items()}
    targets = None if y is None else as_array(y)
    if targets is None and name != "calibration":
        msg = f"{name} data: found inputs without targets, expected a pair (x, y)"
        raise ConfigError(msg)
    lengths = {
        key if _named(columns) else "x" if len(columns) == 1 else f"x[{key}]": (len(column) if column.ndim else 0)
        for key, column in columns.items()
    }
    if targets is not None:
        lengths["y"] = len(targets) if targets.ndim else 0
    if len(set(lengths.values())) > 1:
        found = ", ".join(f"{key} has {length}" for key, length in lengths.items())
        msg = f"{name} data: {found} samples; expected the same number"
        raise ConfigError(msg, remedy="give every x its y")
    if 0 in lengths.values():
        raise _empty(name)
    return columns, targets


def _empty(name: str) -> ConfigError:
    remedy = "check what the data function or the files of `data:` hold"
    return ConfigError(f"{name} data: found 0 samples, expected at least one", remedy=remedy)


def _parts(x: Any) -> dict[Any, np.ndarray]:
    """The inputs in `x` by name, or by position where they have none."""
    if isinstance(x, Mapping):
        return {str(key): as_array(value) for key, value in x.items()}
    if isinstance(x, (tuple, list)) and x and all(_is_array(part) for part in x):
        return {position: as_array(value) for position, value in enumerate(x)}
    return {0: as_array(x)}


def _in_order(parts: Mapping[Any, Any], names: Sequence[str]) -> dict[str, Any]:
    """The parts under the inputs' names and in their order; parts without a name go by position."""
    if _named(parts):
        return {name: parts[name] for name in names}
    return dict(zip(names, parts.values(), strict=True))


def _named(parts: Mapping[Any, Any]) -> bool:
    return not any(isinstance(key, int) for key in parts)


def _input_names(parts: Mapping[Any, Any], declared: Sequence[str], split: str) -> tuple[str, ...]:
    if declared and len(declared) != len(parts):
        names = f"but model.inputs names {len(declared)}: {', '.join(declared)}"
        msg = f"{split} data: found {len(parts)} {'input' if len(parts) == 1 else 'inputs'}, {names}"
        raise ConfigError(msg, remedy="give one array per input: x as a tuple or a mapping, or correct model.inputs")
    if _named(parts):
        if declared and set(parts) != set(declared):
            msg = f"{split} data: found inputs {', '.join(parts)}, but the project names {', '.join(declared)}"
            raise ConfigError(msg)
        return tuple(declared or parts)
    if declared:
        return tuple(declared)
    return ("input",) if len(parts) == 1 else tuple(f"input_{position}" for position in range(len(parts)))


def _as_targets(value: np.ndarray | None) -> np.ndarray | None:
    if value is None or value.dtype.kind not in "fiub":
        return value
    return value.astype(np.int64 if value.dtype.kind in "iub" else np.float32)


def _is_array(value: Any) -> bool:
    return isinstance(value, np.ndarray) or (hasattr(value, "detach") and hasattr(value, "shape"))


def _is_dataset(value: Any) -> bool:
    """A torch Dataset or a sequence of samples; not the pair of arrays that a tuple of two may be."""
    if not (hasattr(value, "__len__") and hasattr(value, "__getitem__")) or _is_array(value):
        return False
    if isinstance(value, list) and len(value) == 2:
        return isinstance(value[0], tuple)
    if isinstance(value, (tuple, list)):
        return len(value) == 0 or (
            len(value) != 2 and (isinstance(value[0], (tuple, list, Mapping)) or _is_array(value[0]))
        )
    return not isinstance(value, (str, bytes, Mapping))


def _describe(value: Any) -> str:
    if isinstance(value, (tuple, list)):
        return f"a {type(value).__name__} of {len(value)}"
    return f"a {type(value).__name__}"
