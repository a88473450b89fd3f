"""The `data:` section of a project: where samples come from and how they are normalised."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from edgebuild.config.fields import ExistingFile, ExistingFolder, ExistingPath, FunctionName, Table
from edgebuild.config.wording import BadValueError


class NpzArrays(Table):
    """Which arrays of the file make a split."""

    x: str | dict[str, str] = Field(description="key of the inputs, or a mapping from input name to key")
    y: str = Field(description="key of the targets")


class NpzValidation(Table):
    """The validation split: arrays of its own, or a share of the training arrays."""

    x: str | dict[str, str] | None = Field(
        default=None, description="key of the inputs, or a mapping from input name to key"
    )
    y: str | None = Field(default=None, description="key of the targets")
    fraction: float | None = Field(
        default=None, gt=0, lt=1, description="share of the training samples, drawn by the seed, instead of x and y"
    )

    @model_validator(mode="after")
    def _arrays_or_fraction(self) -> NpzValidation:
        if self.fraction is not None and (self.x is not None or self.y is not None):
            msg = "x and y, or fraction; found both"
            raise BadValueError(msg, key="fraction")
        if self.fraction is None and (self.x is None or self.y is None):
            msg = "expected x and y, or fraction"
            raise BadValueError(msg)
        return self


class NpzReader(Table):
    """Arrays of one `.npz` file."""

    path: ExistingFile = Field(description="the file, relative to the project folder")
    train: NpzArrays = Field(description="arrays of the training split")
    validation: NpzValidation = Field(description="arrays of the validation split, or the share to hold out")
    transpose: tuple[int, ...] | None = Field(
        default=None, description="order of the axes of x, the batch included: [0, 3, 1, 2] makes NHWC to NCHW"
    )
    channel_axis: int | None = Field(
        default=None,
        ge=1,
        description="put a channel axis of one at this position of x: 1 makes [n, h, w] to [n, 1, h, w]",
    )
    first_label: int = Field(default=0, description="number of the first class in y")

    @field_validator("transpose")
    @classmethod
    def _is_an_order(cls, value: tuple[int, ...] | None) -> tuple[int, ...] | None:
        if value is not None and (sorted(value) != list(range(len(value))) or not value or value[0] != 0):
            msg = f"expected an order of the axes that begins with the batch, like [0, 3, 1, 2], found {list(value)}"
            raise BadValueError(msg)
        return value


class ImageReader(Table):
    """A folder of images, one subfolder per class."""

    path: ExistingFolder = Field(description="the folder, relative to the project folder")
    size: tuple[int, int] = Field(description="[height, width] that every image is scaled to")
    grayscale: bool = Field(default=False, description="one channel instead of three")
    validation_path: ExistingFolder | None = Field(
        default=None, description="a folder with the same classes, for validation"
    )
    validation_fraction: float | None = Field(
        default=None, gt=0, lt=1, description="share of every class, drawn by the seed, instead of validation_path"
    )

    @field_validator("size")
    @classmethod
    def _is_positive(cls, value: tuple[int, int]) -> tuple[int, int]:
        if min(value) < 1:
            msg = f"expected [height, width] of at least 1, found {list(value)}"
            raise BadValueError(msg)
        return value

    @model_validator(mode="after")
    def _folder_or_fraction(self) -> ImageReader:
        if self.validation_path is not None and self.validation_fraction is not None:
            msg = "validation_path or validation_fraction; found both"
            raise BadValueError(msg, key="validation_fraction")
        if self.validation_path is None and self.validation_fraction is None:
            msg = "expected validation_path or validation_fraction"
            raise BadValueError(msg)
        return self


class TextReader(Table):
    """Text files, for the prediction of the next token."""

    path: ExistingFile = Field(description="the file, UTF-8, relative to the project folder")
    kind: Literal["characters"] = Field(default="characters", description="what a token is")
    context: int = Field(default=64, ge=2, description="tokens that the model sees at once")
    stride: int | None = Field(
        default=None, ge=1, description="tokens from one training sample to the next; default: as many as the context"
    )
    validation_path: ExistingFile | None = Field(default=None, description="another file, for validation")
    validation_fraction: float | None = Field(
        default=None, gt=0, lt=1, description="share of the text, at its end, instead of validation_path"
    )

    @model_validator(mode="after")
    def _file_or_fraction(self) -> TextReader:
        if self.validation_path is not None and self.validation_fraction is not None:
            msg = "validation_path or validation_fraction; found both"
            raise BadValueError(msg, key="validation_fraction")
        if self.validation_path is None and self.validation_fraction is None:
            msg = "expected validation_path or validation_fraction"
            raise BadValueError(msg)
        return self


class Normalization(Table):
    """`(raw * scale - mean) / std`, applied to every floating or narrow input and written into the artifact."""

    scale: float = Field(default=1.0, gt=0, description="0.00392157 makes bytes to [0, 1]")
    mean: tuple[float, ...] = Field(default=(), description="one value, or one per channel")
    std: tuple[float, ...] = Field(default=(), description="one value, or one per channel")

    @field_validator("std")
    @classmethod
    def _is_positive(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if any(number <= 0 for number in value):
            msg = f"expected positive numbers, found {list(value)}"
            raise BadValueError(msg)
        return value


class CalibrationPool(Table):
    """The samples that a quantizing step may draw from, where the data has no calibration split of its own."""

    samples: int = Field(default=256, ge=1, description="how many, drawn by the seed")
    origin: Literal["train"] = Field(default="train", alias="from", description="the split they are drawn from")


READERS = ("function", "npz", "images", "text")


class DataSource(Table):
    """Where samples come from: exactly one of `function`, `npz`, `images` and `text`."""

    function: FunctionName | None = Field(
        default=None,
        description="`module:function` that returns a mapping with train, validation and optionally more",
    )
    npz: NpzReader | None = Field(default=None, description="built-in reader for an `.npz` file")
    images: ImageReader | None = Field(default=None, description="built-in reader for a folder of images")
    text: TextReader | None = Field(default=None, description="built-in reader for text files")
    kwargs: dict[str, Any] = Field(default_factory=dict, description="arguments of `function`")
    depends: tuple[ExistingPath, ...] = Field(
        default=(), description="files and folders that `function` reads: a change in them rebuilds"
    )
    classes: tuple[str, ...] = Field(default=(), description="names of the classes, in the order of the model's scores")
    normalization: Normalization | None = Field(default=None, description="how raw inputs become the model's")
    calibration: CalibrationPool = Field(default_factory=CalibrationPool, description="samples for quantizing steps")

    @model_validator(mode="after")
    def _one_reader(self) -> DataSource:
        given = [name for name in READERS if getattr(self, name) is not None]
        if not given:
            msg = f"expected one of {', '.join(READERS)}"
            raise BadValueError(msg)
        if len(given) > 1:
            msg = f"expected one of {', '.join(READERS)}; found {' and '.join(given)}"
            raise BadValueError(msg, key=given[1])
        if self.function is None:
            for key in ("kwargs", "depends"):
                if key in self.model_fields_set:
                    msg = f"belongs to `function`, but the data comes from `{given[0]}`"
                    raise BadValueError(msg, key=key)
        return self

    def source(self) -> dict[str, Any]:
        """What decides the content of the data, as plain JSON values."""
        wanted = {*READERS, "kwargs", "classes", "normalization"}
        return self.model_dump(mode="json", by_alias=True, exclude_none=True, include=wanted)

    def files(self) -> tuple[Path, ...]:
        """Files and folders that the data is read from, relative to the project folder."""
        found = list(self.depends)
        if self.npz is not None:
            found.append(self.npz.path)
        if self.images is not None:
            found += [path for path in (self.images.path, self.images.validation_path) if path is not None]
        if self.text is not None:
            found += [path for path in (self.text.path, self.text.validation_path) if path is not None]
        return tuple(Path(path) for path in found)
