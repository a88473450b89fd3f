"""BLEU: what a model says compared with what it should say, as texts made of token ids."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from edgebuild.errors import ConfigError
from edgebuild.model.class_axis import IGNORED
from edgebuild.model.metric import Metric, first_output
from edgebuild.model.user_code import call_user, load_callable

OF_TEXTS = ("BLEUScore", "SacreBLEUScore")
"""The classes of torchmetrics that compare texts, not numbers."""


def bleu(name: str, counter: Any, decode: str | None, project_root: Path) -> Metric:
    """BLEU in percent (Papineni et al., BLEU: a Method for Automatic Evaluation of Machine Translation, ACL 2002).

    Args:
        name: of the figure.
        counter: a BLEUScore or SacreBLEUScore of torchmetrics: it splits texts into words and counts.
        decode: as in `texts_of`.
        project_root: where `decode` is looked for.

    N-grams are counted text by text, so that an interval needs no counting anew.
    """

    def parts(outputs: Mapping[str, np.ndarray], targets: np.ndarray) -> np.ndarray:
        """Per text the n-grams that match and those that are said, by length, then the words said and wanted."""
        rows = []
        for said, wanted in zip(*texts_of(first_output(outputs), targets, decode, project_root), strict=True):
            counter.reset()
            counter.update([said], [[wanted]])
            lengths = [float(counter.preds_len), float(counter.target_len)]
            rows.append([*counter.numerator.tolist(), *counter.denominator.tolist(), *lengths])
        return np.array(rows)

    def combine(sums: np.ndarray) -> np.ndarray:
        n = counter.n_gram
        matched, counted, said, wanted = sums[..., :n], sums[..., n : 2 * n], sums[..., 2 * n], sums[..., 2 * n + 1]
        more = np.array([0.0, *[1.0] * (n - 1)]) if counter.smooth else np.zeros(n)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            precision = np.log((matched + more) / (counted + more)) @ np.asarray(counter.weights, dtype=np.float64)
            brevity = np.where(said > wanted, 0.0, 1.0 - wanted / said)
        found = matched.min(axis=-1) > 0
        return np.asarray(np.where(found, 100.0 * np.exp(np.where(found, precision + brevity, 0.0)), 0.0))

    return Metric(
        name,
        "%",
        True,
        lambda outputs, targets: float(combine(parts(outputs, targets).sum(axis=0))),
        None,
        parts,
        combine,
    )


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
