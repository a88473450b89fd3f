"""Data from the arrays of one `.npz` file."""

from __future__ import annotations

import difflib
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edgebuild.errors import ConfigError
from edgebuild.model.holdout import hold_out
from edgebuild.model.readers import READERS

_REMEDY = "write the arrays with numpy.savez(path, name=array, …)"


@READERS.register("npz")
def read_npz(options: Mapping[str, Any], project_root: Path, seed: int) -> Mapping[str, Any]:
    """Read arrays by key.

    Options: `path` (relative to the project folder), `train: {x, y}`, `validation: {x, y}` or `{fraction}`,
    `transpose` (order of the axes of x, the batch included), `channel_axis` (insert a channel axis of one at this
    position, after transposing), `first_label` (the number of the first class, where it is not 0). `x` is a key, or a
    mapping from input name to key; the layout options apply to every input.

    Raises:
        ConfigError: no such file, not an `.npz`, pickled objects in it, an unknown key, or axes that do not fit.
    """
    path = project_root / str(options["path"])
    arrays = _open(path, str(options["path"]))
    train = _pair(arrays, options["train"], options, str(options["path"]))
    validation = options["validation"]
    if validation.get("fraction") is None:
        return {"train": train, "validation": _pair(arrays, validation, options, str(options["path"]))}
    x, y = train
    kept, held = hold_out(y, float(validation["fraction"]), seed)
    return {"train": _rows(x, y, kept), "validation": _rows(x, y, held)}


def _open(path: Path, shown: str) -> Any:
    if not path.is_file():
        msg = f"data.npz.path: found no file {shown!r}"
        raise ConfigError(msg, remedy="a relative path starts at the folder of edgebuild.yaml")
    try:
        arrays = np.load(path, allow_pickle=False)
    except (ValueError, zipfile.BadZipFile, EOFError) as error:
        msg = f"data.npz.path: {shown!r} is not an .npz file: {error}"
        raise ConfigError(msg, remedy=_REMEDY) from error
    if isinstance(arrays, np.ndarray):
        msg = f"data.npz.path: {shown!r} holds one array without a name, expected an .npz with named arrays"
        raise ConfigError(msg, remedy=_REMEDY)
    return arrays


def _pair(arrays: Any, keys: Mapping[str, Any], options: Mapping[str, Any], shown: str) -> tuple[Any, np.ndarray]:
    x = keys["x"]
    if isinstance(x, Mapping):
        inputs: Any = {str(name): _lay_out(_array(arrays, key, shown), options) for name, key in x.items()}
    else:
        inputs = _lay_out(_array(arrays, x, shown), options)
    y = _array(arrays, keys["y"], shown)
    first = int(options.get("first_label") or 0)
    if first and y.dtype.kind in "iu":
        y = y.astype(np.int64) - first
    return inputs, y


def _array(arrays: Any, key: str, shown: str) -> np.ndarray:
    if key not in arrays.files:
        near = difflib.get_close_matches(key, arrays.files, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        msg = f"data.npz: {shown!r} has no array {key!r}{hint} It has: {', '.join(sorted(arrays.files))}"
        raise ConfigError(msg)
    try:
        return np.asarray(arrays[key])
    except ValueError as error:
        msg = f"data.npz: array {key!r} of {shown!r} cannot be read: {error}"
        raise ConfigError(msg, remedy="store plain numbers, not Python objects") from error


def _lay_out(array: np.ndarray, options: Mapping[str, Any]) -> np.ndarray:
    axes = options.get("transpose")
    if axes:
        if sorted(axes) != list(range(array.ndim)):
            msg = f"data.npz.transpose: found {list(axes)}, expected an order of the axes 0 to {array.ndim - 1}"
            raise ConfigError(msg)
        array = array.transpose(axes)
    position = options.get("channel_axis")
    if position is None:
        return array
    if not 1 <= int(position) <= array.ndim:
        msg = f"data.npz.channel_axis: found {position}, expected 1 to {array.ndim} for an array of shape {array.shape}"
        raise ConfigError(msg)
    return np.expand_dims(array, int(position))


def _rows(x: Any, y: np.ndarray, rows: np.ndarray) -> tuple[Any, np.ndarray]:
    chosen = {name: array[rows] for name, array in x.items()} if isinstance(x, Mapping) else x[rows]
    return chosen, y[rows]
