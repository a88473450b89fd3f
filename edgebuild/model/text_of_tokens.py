"""Texts from token ids, for the metrics that compare texts."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from edgebuild.errors import ConfigError
from edgebuild.model.class_axis import IGNORED
from edgebuild.model.user_code import call_user, load_callable


def texts_of(
    outputs: np.ndarray, targets: np.ndarray, decode: str | None, project_root: Path
) -> tuple[list[str], list[str]]:
    """What the model says, and what it should say.

    Args:
        outputs: token ids [n, t], or scores [n, t, classes], of which the highest is taken.
        targets: token ids [n, t]; where one is IGNORED, the output's token is left out too.
        decode: the user's `module:function` that makes a text of a list of ids; without it every id is a word.
        project_root: where the function is looked for.

    Raises:
        ConfigError: the shapes do not fit, or `decode` returns no text.
    """
    ids = outputs.argmax(axis=2) if outputs.ndim == 3 else outputs
    if ids.shape != targets.shape or ids.ndim != 2:
        found = f"the model gives {outputs.shape}, the targets are {targets.shape}"
        msg = f"a metric of texts: {found}; expected token ids [n, t] or scores [n, t, classes], and targets [n, t]"
        raise ConfigError(msg, remedy="choose a metric that fits the task, or name your own as 'module:function'")
    pairs = [(said[wanted != IGNORED], wanted[wanted != IGNORED]) for said, wanted in zip(ids, targets, strict=True)]
    if decode is None:
        said, wanted = (
            [" ".join(str(int(token)) for token in row) for row in rows] for rows in zip(*pairs, strict=True)
        )
        return said, wanted
    function = load_callable(decode, project_root)
    texts: list[list[str]] = []
    for pair in pairs:
        texts.append([])
        for row in pair:
            text = call_user(decode, project_root, ([int(token) for token in row],), function=function)
            if not isinstance(text, str):
                msg = f"metric kwargs: {decode!r} returned a {type(text).__name__}, expected a str"
                raise ConfigError(msg, remedy="return the text of the token ids")
            texts[-1].append(text)
    return [pair[0] for pair in texts], [pair[1] for pair in texts]
