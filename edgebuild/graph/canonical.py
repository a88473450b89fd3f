"""One spelling for every JSON value, so that equal facts have equal digests."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from typing import Any

from edgebuild.errors import InternalError


def plain(value: Any, path: str = "value") -> Any:
    """Return `value` as plain JSON values: dict with text keys, list, str, int, float, bool or None.

    Raises:
        InternalError: something else is in it, or a float that is not finite; the message names the `path` to it.
    """
    if value is None or isinstance(value, (str, bool, int)):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            msg = f"{path} is {value}, expected a finite number"
            raise InternalError(msg)
        return value
    if isinstance(value, Mapping):
        for key in value:
            if not isinstance(key, str):
                msg = f"{path} has the key {key!r} of type {type(key).__name__}, expected text"
                raise InternalError(msg)
        return {key: plain(value[key], f"{path}.{key}") for key in sorted(value)}
    if isinstance(value, (list, tuple)):
        return [plain(item, f"{path}[{index}]") for index, item in enumerate(value)]
    msg = f"{path} is a {type(value).__name__}, expected plain JSON values"
    raise InternalError(msg)


def canonical_json(value: Any) -> str:
    """The one JSON text of `value`: sorted keys, no spaces, ASCII."""
    return json.dumps(plain(value), sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def digest_of(value: Any) -> str:
    """SHA-256 (64 hex digits) of the canonical JSON of `value`."""
    return hashlib.sha256(canonical_json(value).encode("ascii")).hexdigest()
