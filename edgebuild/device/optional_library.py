"""Libraries of transports and power meters: they are in extras, and missing where nobody asked for these."""

from __future__ import annotations

import importlib
from typing import Any

from edgebuild.errors import ToolError


def optional_library(module: str, who: str, extra: str) -> Any:
    """The module that somebody (`who`, for messages) needs, and that comes with an extra of edgebuild.

    Raises:
        ToolError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        msg = f"{who} needs {module}: {error}"
        raise ToolError(msg, remedy=f"pip install 'edgebuild[{extra}]'") from None
