"""How every command shows its result: as a page for people, or as the same facts in JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any


def emit(facts: dict[str, Any], as_json: bool, render: Callable[[], None]) -> None:
    """Write `facts` as JSON to stdout if `as_json`, else call `render`, which prints them for people."""
    if not as_json:
        render()
        return
    is_unicode = (sys.stdout.encoding or "").lower().startswith("utf")
    json.dump(facts, sys.stdout, indent=1, ensure_ascii=not is_unicode)
    sys.stdout.write("\n")
