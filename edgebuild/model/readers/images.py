"""Data from a folder of images, one subfolder per class."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edgebuild.errors import ConfigError
from edgebuild.model.holdout import hold_out
from edgebuild.model.readers import READERS

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".webp")


class ImageFolder:
    """A dataset of `(image uint8 [c, h, w], label)`; files are opened when they are asked for."""

    def __init__(self, files: list[Path], labels: np.ndarray, size: tuple[int, int], grayscale: bool) -> None:
        """`size` is (height, width)."""
        self.files = files
        self.labels = labels
        self.size = size
        self.mode = "L" if grayscale else "RGB"

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        from PIL import Image, UnidentifiedImageError

        path = self.files[index]
        try:
            with Image.open(path) as image:
                resized = image.convert(self.mode).resize(self.size[::-1], Image.Resampling.BILINEAR)
        except (UnidentifiedImageError, OSError) as error:
            msg = f"data.images: cannot read {path.parent.name}/{path.name}: {error}"
            raise ConfigError(msg, remedy="remove the file or save it again") from error
        pixels = np.asarray(resized, dtype=np.uint8)
        channels = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
        return np.ascontiguousarray(channels), int(self.labels[index])


@READERS.register("images")
def read_images(options: Mapping[str, Any], project_root: Path, seed: int) -> Mapping[str, Any]:
    """Read `path/<class>/<image>`; classes and files are in alphabetical order.

    Options: `path` (relative to the project folder), `size` ([height, width]), `grayscale`, and either
    `validation_path` (a folder with the same classes) or `validation_fraction` of every class, drawn by `seed`.

    Raises:
        ConfigError: no such folder, no class folders, no images in one, or other classes in the validation folder.
    """
    shown = str(options["path"])
    size = (int(options["size"][0]), int(options["size"][1]))
    grayscale = bool(options.get("grayscale"))
    classes, files, labels = _scan(project_root / shown, "path", shown)
    other = options.get("validation_path")
    if other is None:
        kept, held = hold_out(labels, float(options["validation_fraction"]), seed)
        train = ImageFolder([files[i] for i in kept], labels[kept], size, grayscale)
        validation = ImageFolder([files[i] for i in held], labels[held], size, grayscale)
        return {"train": train, "validation": validation, "classes": classes}
    names, other_files, other_labels = _scan(project_root / str(other), "validation_path", str(other))
    if names != classes:
        msg = (
            f"data.images: {other!r} has the classes {', '.join(names)}, expected {', '.join(classes)} as in {shown!r}"
        )
        raise ConfigError(msg)
    return {
        "train": ImageFolder(files, labels, size, grayscale),
        "validation": ImageFolder(other_files, other_labels, size, grayscale),
        "classes": classes,
    }


def _scan(folder: Path, key: str, shown: str) -> tuple[list[str], list[Path], np.ndarray]:
    if not folder.is_dir():
        msg = f"data.images.{key}: found no folder {shown!r}"
        raise ConfigError(msg, remedy="a relative path starts at the folder of edgebuild.yaml")
    classes = sorted(child.name for child in folder.iterdir() if child.is_dir() and not child.name.startswith("."))
    if not classes:
        msg = f"data.images.{key}: {shown!r} has no subfolders, expected one per class"
        raise ConfigError(msg)
    files: list[Path] = []
    labels: list[int] = []
    for label, name in enumerate(classes):
        images = sorted(file for file in (folder / name).iterdir() if file.suffix.lower() in SUFFIXES)
        if not images:
            msg = f"data.images.{key}: {shown}/{name} has no image, expected {', '.join(SUFFIXES)}"
            raise ConfigError(msg)
        files += images
        labels += [label] * len(images)
    return classes, files, np.asarray(labels, dtype=np.int64)
