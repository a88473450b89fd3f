"""Which layers the user's patterns name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from edgebuild.config.wording import suggestion
from edgebuild.errors import ConfigError


def named_by(patterns: Sequence[str], layers: Iterable[str], key: str = "prune.skip") -> list[str]:
    """The layers that a pattern matches, and everything inside them; `key` is where the patterns stand in the plan.

    Raises:
        ConfigError: a pattern matches nothing.
    """
    known = [layer for layer in layers if layer]
    found: dict[str, None] = {}
    for pattern in patterns:
        matched = [layer for layer in known if fnmatchcase(layer, pattern)]
        if not matched:
            msg = f"{key}: {pattern!r} matches no layer of the model{suggestion(pattern, known)}"
            raise ConfigError(msg, remedy=f"the layers are: {', '.join(known)}")
        inside = [layer for layer in known if any(layer.startswith(f"{name}.") for name in matched)]
        found.update(dict.fromkeys([*matched, *inside]))
    return list(found)
