"""The built-in readers, on real files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edgebuild.errors import ConfigError
from edgebuild.model.data import read_splits
from edgebuild.model.holdout import hold_out

KEYS = {"path": "d.npz", "train": {"x": "xs", "y": "ys"}}


def save(root: Path) -> None:
    pixels = np.arange(20 * 3 * 4, dtype=np.uint8).reshape(20, 3, 4)
    np.savez(root / "d.npz", xs=pixels, ys=np.arange(20) % 2 + 1, image=pixels[:6], label=np.ones(6, dtype=np.uint8))


def test_npz_arrays_are_laid_out_and_labels_counted_from_zero(tmp_path: Path) -> None:
    save(tmp_path)
    npz = {
        **KEYS,
        "validation": {"x": "image", "y": "label"},
        "channel_axis": 1,
        "transpose": [0, 2, 1],
        "first_label": 1,
    }
    splits = read_splits({"npz": npz}, tmp_path, 0)
    inputs, targets = splits.validation.stack([0, 5])
    assert inputs["input"].shape == (2, 1, 4, 3)
    assert inputs["input"][0, 0, :, 0].tolist() == [0, 1, 2, 3]
    assert targets is not None
    assert targets.tolist() == [0, 0]


def test_npz_holds_out_the_same_share_of_every_class(tmp_path: Path) -> None:
    save(tmp_path)
    splits = read_splits({"npz": {**KEYS, "validation": {"fraction": 0.3}}}, tmp_path, 1)
    _, held = splits.validation.stack(range(splits.validation.length))
    assert held is not None
    assert sorted(held.tolist()) == [1] * 3 + [2] * 3
    assert splits.train.length == 14


def test_held_out_samples_follow_the_seed_and_cover_everything_once() -> None:
    labels = np.arange(50) % 5
    kept, held = hold_out(labels, 0.2, 3)
    assert sorted([*kept, *held]) == list(range(50))
    assert hold_out(labels, 0.2, 3)[1].tolist() == held.tolist() != hold_out(labels, 0.2, 4)[1].tolist()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"path": "e.npz"}, "data.npz.path: found no file 'e.npz'"),
        (
            {"train": {"x": "xss", "y": "ys"}},
            "data.npz: 'd.npz' has no array 'xss'; did you mean 'xs'? It has: image, label",
        ),
        ({"transpose": [0, 1]}, "data.npz.transpose: found [0, 1], expected an order of the axes 0 to 2"),
        ({"channel_axis": 9}, "data.npz.channel_axis: found 9, expected 1 to 3 for an array of shape (20, 3, 4)"),
        ({"path": "text.npz"}, "data.npz.path: 'text.npz' is not an .npz file: "),
        (
            {"path": "pickled.npz"},
            "data.npz: array 'xs' of 'pickled.npz' cannot be read: Object arrays cannot be loaded",
        ),
    ],
)
def test_npz_mistakes(change: dict[str, Any], message: str, tmp_path: Path) -> None:
    save(tmp_path)
    (tmp_path / "text.npz").write_text("no zip")
    np.savez(tmp_path / "pickled.npz", xs=np.array([{}], dtype=object), ys=np.zeros(1))
    with pytest.raises(ConfigError) as caught:
        read_splits({"npz": {**KEYS, "validation": {"fraction": 0.5}, **change}}, tmp_path, 0)
    assert caught.value.message.startswith(message)


def paint(root: Path, counts: dict[str, int]) -> None:
    for label, (name, count) in enumerate(counts.items()):
        (root / name).mkdir(parents=True)
        for number in range(count):
            Image.new("RGB", (6, 4), (60 * label, number, 0)).save(root / name / f"{number}.png")


def test_images_are_sized_ordered_and_split_by_class(tmp_path: Path) -> None:
    paint(tmp_path / "set", {"cat": 5, "dog": 10})
    source = {"images": {"path": "set", "size": [2, 3], "validation_fraction": 0.2}}
    splits = read_splits(source, tmp_path, 0)
    inputs, targets = splits.validation.stack(range(splits.validation.length))
    assert splits.classes == ("cat", "dog")
    assert targets is not None
    assert targets.tolist() == [0, 1, 1]
    assert inputs["input"].shape == (3, 3, 2, 3)
    assert inputs["input"][:, 0, 0, 0].tolist() == [0, 60, 60]
    gray = read_splits({"images": {**source["images"], "grayscale": True}}, tmp_path, 0)
    assert gray.train.stack([0])[0]["input"].shape == (1, 1, 2, 3)


def test_images_of_a_validation_folder_must_have_the_same_classes(tmp_path: Path) -> None:
    paint(tmp_path / "a", {"cat": 2, "dog": 2})
    paint(tmp_path / "b", {"cat": 2, "cow": 2})
    source = {"images": {"path": "a", "size": [4, 4], "validation_path": "b"}}
    with pytest.raises(ConfigError, match="'b' has the classes cat, cow, expected cat, dog as in 'a'"):
        read_splits(source, tmp_path, 0)


def test_an_empty_class_and_a_broken_image_are_named(tmp_path: Path) -> None:
    paint(tmp_path / "a", {"cat": 2})
    (tmp_path / "a" / "dog").mkdir()
    source = {"images": {"path": "a", "size": [4, 4], "validation_fraction": 0.5}}
    with pytest.raises(ConfigError, match="a/dog has no image"):
        read_splits(source, tmp_path, 0)
    (tmp_path / "a" / "dog" / "x.png").write_bytes(b"no image")
    with pytest.raises(ConfigError, match=r"cannot read dog/x\.png"):
        read_splits(source, tmp_path, 0).train.stack([0, 1])


def test_exactly_one_source_is_expected(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="data: found none, expected exactly one of function, images, npz"):
        read_splits({}, tmp_path, 0)
