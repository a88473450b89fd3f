"""Libraries of transports: they are in the extra `devices`, and missing where nobody asked for it."""

from __future__ import annotations

import importlib
from typing import Any

from edgebuild.errors import ToolError


def transport_library(module: str, transport: str) -> Any:
    """The module that a transport needs.

    Raises:
        ToolError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError:
        msg = f"{module} is missing; it is needed for devices that are reached over {transport}"
        raise ToolError(msg, remedy="pip install 'edgebuild[devices]'") from None
