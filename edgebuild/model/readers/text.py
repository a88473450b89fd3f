"""Data from text files: windows of characters, and for each of them the characters that come next."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edgebuild.errors import ConfigError
from edgebuild.model.readers import READERS


class Windows:
    """A dataset of `(tokens int64 [context], the tokens one further int64 [context])`."""

    def __init__(self, tokens: np.ndarray, context: int, stride: int) -> None:
        """`tokens`: of the whole text; a window begins at every `stride`-th of them."""
        self.tokens, self.context, self.stride = tokens, context, stride

    def __len__(self) -> int:
        return max(0, (len(self.tokens) - self.context - 1) // self.stride + 1)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        start = index * self.stride
        window = self.tokens[start : start + self.context + 1].astype(np.int64)
        return window[:-1], window[1:]


@READERS.register("text")
def read_text(options: Mapping[str, Any], project_root: Path, seed: int) -> Mapping[str, Any]:
    """Read UTF-8 text for the prediction of the next character.

    Options: `path` (relative to the project folder), `context` (characters of a window), `stride` (characters from one
    training window to the next; as many as the context where it is not given), and either `validation_path` or
    `validation_fraction`, the share of the text, at its end, that validates. Windows of validation do not overlap.

    The vocabulary is every character of both texts in the order of Unicode; `classes` names them.

    Raises:
        ConfigError: no such file, no UTF-8 text, or a text that is too short for one window.
    """
    context = int(options["context"])
    shown, other = str(options["path"]), options.get("validation_path")
    text = _open(project_root / shown, "path", shown)
    if other is None:
        cut = len(text) - round(len(text) * float(options["validation_fraction"]))
        train, validation = text[:cut], text[cut:]
    else:
        train, validation = text, _open(project_root / str(other), "validation_path", str(other))
    vocabulary = sorted(set(train) | set(validation))
    for name, part in (("training", train), ("validation", validation)):
        if len(part) <= context:
            msg = f"data.text: the {name} text has {len(part)} characters, expected more than the context of {context}"
            raise ConfigError(msg, remedy="give more text, or lower data.text.context")
    return {
        "train": Windows(_numbers(train, vocabulary), context, int(options.get("stride") or context)),
        "validation": Windows(_numbers(validation, vocabulary), context, context),
        "classes": [_name(character) for character in vocabulary],
    }


def _open(path: Path, key: str, shown: str) -> str:
    if not path.is_file():
        msg = f"data.text.{key}: found no file {shown!r}"
        raise ConfigError(msg, remedy="a relative path starts at the folder of edgebuild.yaml")
    try:
        return path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        msg = f"data.text.{key}: {shown!r} is no UTF-8 text: byte {error.start} is 0x{error.object[error.start]:02x}"
        raise ConfigError(msg, remedy="save the file as UTF-8") from error


def _numbers(text: str, vocabulary: list[str]) -> np.ndarray:
    """The place of every character in the vocabulary, int32 [n]."""
    points = np.frombuffer(text.encode("utf-32-le"), dtype="<u4")
    known = np.array([ord(character) for character in vocabulary], dtype="<u4")
    return np.searchsorted(known, points).astype(np.int32)


def _name(character: str) -> str:
    """The character itself where it can be seen, else its code point, as in `U+0020`."""
    return character if character.isprintable() and not character.isspace() else f"U+{ord(character):04X}"
