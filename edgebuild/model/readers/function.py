"""Data from the user's own `module:function`."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edgebuild.errors import ConfigError
from edgebuild.model.readers import READERS
from edgebuild.model.user_code import call_user, load_callable

SPLITS = ("train", "validation", "calibration", "classes")


@READERS.register("function")
def read_function(options: Mapping[str, Any], project_root: Path, seed: int) -> Mapping[str, Any]:
    """Call `options["function"]` with `options["kwargs"]`, and with `seed` if it has a parameter of that name.

    Raises:
        ConfigError: the function cannot be loaded, raises, or returns anything but the splits by name.
    """
    reference = str(options["function"])
    function = load_callable(reference, project_root)
    kwargs = dict(options.get("kwargs") or {})
    if "seed" not in kwargs and "seed" in inspect.signature(function).parameters:
        kwargs["seed"] = seed
    result = call_user(reference, project_root, kwargs=kwargs, function=function)
    if not isinstance(result, Mapping):
        msg = f"{reference!r} returned a {type(result).__name__}, expected a mapping with train and validation"
        raise ConfigError(msg, remedy="return {'train': (x, y), 'validation': (x, y)}")
    unknown = sorted(set(map(str, result)) - set(SPLITS))
    if unknown:
        near = difflib.get_close_matches(unknown[0], SPLITS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else "."
        msg = f"{reference!r} returned the unknown key {unknown[0]!r}{hint} Expected {', '.join(SPLITS)}"
        raise ConfigError(msg, remedy=f"correct the key in {reference!r}")
    return result
