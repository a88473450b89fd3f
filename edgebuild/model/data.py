"""Makes the data artifact from the project's data source, and hands the training split to what trains."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from edgebuild.errors import ConfigError
from edgebuild.model.class_axis import IGNORED
from edgebuild.model.data_folder import DataSummary, InputSpec
from edgebuild.model.normalization import Normalization
from edgebuild.model.readers import READERS
from edgebuild.model.seeding import seeded
from edgebuild.model.split import Split, as_split
from edgebuild.progress import ProgressSink

CALIBRATION_SAMPLES = 256
"""Size of the calibration pool drawn from the training split where the source gives none."""

_CHUNK = 256


@dataclass(frozen=True)
class Splits:
    """The three splits of a source, and the names of the classes (empty where there are none)."""

    train: Split
    validation: Split
    calibration: Split | None
    classes: tuple[str, ...]


def read_splits(source: Mapping[str, Any], project_root: Path, seed: int, input_names: Sequence[str] = ()) -> Splits:
    """Open the project's `data:` section; nothing is copied yet.

    `source` has one of the keys in READERS (`function`, `npz`, `images`), and optionally `kwargs` (of the function),
    `classes` and `normalization`. `input_names` are in the order of the model's arguments; without them the data's
    own names are used (`edgebuild.model.split.as_split`).

    Raises:
        ConfigError: the source cannot be read, or a split is missing, empty or of another form.
    """
    kinds = [name for name in READERS.names() if source.get(name) is not None]
    if len(kinds) != 1:
        found = " and ".join(kinds) or "none"
        msg = f"data: found {found}, expected exactly one of {', '.join(READERS.names())}"
        raise ConfigError(msg)
    options = source if kinds[0] == "function" else source[kinds[0]]
    with seeded(seed):
        raw = READERS.get(kinds[0])(options, project_root, seed)
    normalization = Normalization.from_json(source.get("normalization"))
    for split in ("train", "validation"):
        if raw.get(split) is None:
            msg = f"data: found no {split!r} split, expected one"
            raise ConfigError(msg, remedy=f"return {{'train': …, 'validation': …}} with a {split!r} entry")
    train = as_split("train", raw["train"], project_root, normalization, input_names)
    validation = as_split("validation", raw["validation"], project_root, normalization, train.inputs)
    calibration = None
    if raw.get("calibration") is not None:
        calibration = as_split("calibration", raw["calibration"], project_root, normalization, train.inputs)
    classes = tuple(str(name) for name in (source.get("classes") or raw.get("classes") or ()))
    return Splits(train, validation, calibration, classes)


def load_training(source: Mapping[str, Any], project_root: Path, seed: int, input_names: Sequence[str] = ()) -> Split:
    """The training split of a source; `seed` and `input_names` must be those that made the data folder."""
    return read_splits(source, project_root, seed, input_names).train


def make_data_folder(
    source: Mapping[str, Any],
    project_root: Path,
    output: Path,
    seed: int,
    progress: ProgressSink,
    input_names: Sequence[str] = (),
    calibration_samples: int = CALIBRATION_SAMPLES,
) -> DataSummary:
    """Fill `output` as `edgebuild.model.data_folder` says and return the summary.

    Without a calibration split, `calibration_samples` training samples are drawn by `seed`, in their original order.

    Raises:
        ConfigError: as `read_splits`; NaN or infinite inputs; labels outside the named classes; splits whose samples
            differ in shape or dtype.
    """
    progress.update(0.0, "opening the data")
    splits = read_splits(source, project_root, seed, input_names)
    calibration = splits.calibration or splits.train
    chosen = _draw(calibration.length, calibration_samples if splits.calibration is None else None, seed)
    with seeded(seed):
        shapes = _write(splits.validation, np.arange(splits.validation.length), output, "validation", progress)
        first = splits.train.stack([0])[0]
    _check_same("train", {name: (array.shape[1:], array.dtype.name) for name, array in first.items()}, shapes)
    _check_labels(output, splits.classes)
    with seeded(seed):
        other = _write(calibration, chosen, output, "calibration", progress, targets=False)
    _check_same("calibration", other, shapes)
    norm = splits.train.normalization or Normalization()
    specs = tuple(
        InputSpec(name, shapes[name][0], shapes[name][1], norm.scale, norm.mean, norm.std)
        for name in splits.train.inputs
    )
    lengths = {"train": splits.train.length, "validation": splits.validation.length, "calibration": len(chosen)}
    summary = DataSummary(specs, lengths, splits.classes)
    (output / "data.json").write_text(json.dumps(summary.to_json(), indent=1, sort_keys=True) + "\n")
    progress.update(1.0, "data written")
    return summary


def _draw(length: int, wanted: int | None, seed: int) -> np.ndarray:
    if wanted is None or wanted >= length:
        return np.arange(length)
    return np.sort(np.random.default_rng(seed).permutation(length)[:wanted])


def _write(
    split: Split, indices: np.ndarray, output: Path, name: str, progress: ProgressSink, targets: bool = True
) -> dict[str, tuple[tuple[int, ...], str]]:
    """Write the chosen samples chunk by chunk; return input name -> (shape without batch, dtype)."""
    files: dict[str, np.memmap[Any, Any]] = {}
    for start in range(0, len(indices), _CHUNK):
        batch, labels = split.stack(indices[start : start + _CHUNK])
        if targets and labels is not None:
            batch = {**batch, "target": labels}
        for key, array in batch.items():
            _check_values(split.name, key, array, indices[start : start + _CHUNK])
            if key not in files:
                shape = (len(indices), *array.shape[1:])
                files[key] = np.lib.format.open_memmap(
                    output / f"{name}.{key}.npy", mode="w+", dtype=array.dtype, shape=shape
                )
            elif array.shape[1:] != files[key].shape[1:]:
                msg = (
                    f"{split.name} data: {key} has samples of different shapes: {files[key].shape[1:]} and "
                    f"{array.shape[1:]}; expected one shape"
                )
                raise ConfigError(msg)
            files[key][start : start + len(array)] = array
        progress.update(0.9 * (start + len(batch)) / len(indices), f"writing {name} data")
    for file in files.values():
        file.flush()
    return {key: (file.shape[1:], file.dtype.name) for key, file in files.items() if key != "target"}


def _check_values(split: str, key: str, array: np.ndarray, indices: Sequence[int] | np.ndarray) -> None:
    if array.dtype.kind not in "fiub":
        msg = f"{split} data: {key} has dtype {array.dtype}, expected numbers"
        raise ConfigError(msg)
    if array.dtype.kind != "f":
        return
    bad = ~np.isfinite(array)
    if bad.any():
        rows = np.flatnonzero(bad.reshape(len(array), -1).any(axis=1))
        msg = f"{split} data: {key} has NaN or infinite values, first in sample {int(indices[rows[0]])}"
        raise ConfigError(msg, remedy="drop or repair such samples before they reach the model")


def _check_labels(folder: Path, classes: tuple[str, ...]) -> None:
    labels = np.load(folder / "validation.target.npy", mmap_mode="r")
    if not classes or labels.dtype.kind != "i":
        return
    counting = labels[labels != IGNORED] if labels.ndim > 1 else labels
    low, high = (int(counting.min()), int(counting.max())) if counting.size else (0, 0)
    if low < 0 or high >= len(classes):
        expected = f"0 to {len(classes) - 1} ({len(classes)} classes)"
        msg = f"validation data: found labels from {low} to {high}, expected {expected}"
        raise ConfigError(msg, remedy="number the classes from 0, or correct data.classes")


def _check_same(
    split: str, found: dict[str, tuple[tuple[int, ...], str]], expected: dict[str, tuple[tuple[int, ...], str]]
) -> None:
    for name, (shape, dtype) in expected.items():
        if found[name] != (shape, dtype):
            msg = (
                f"{split} data: {name} is {found[name][1]} {found[name][0]}, "
                f"expected {dtype} {shape} as in the validation split"
            )
            raise ConfigError(msg, remedy="prepare the samples of every split in the same way")
