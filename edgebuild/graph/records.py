"""What the store writes down beside the artifacts: how each was made, and what each stage did last."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from edgebuild.graph.canonical import digest_of


@dataclass(frozen=True)
class KeyRecord:
    """How one key was satisfied.

    Attributes:
        key: digest of the components.
        artifact: digest of the artifact.
        stage: id of the stage that made it first; other stages may share it.
        components: everything the key was made of (`edgebuild.graph.key`).
        sources: input role -> id of the stage that gave it when it was made.
        seconds: how long it took.
        created: seconds since the epoch.
    """

    key: str
    artifact: str
    stage: str
    components: dict[str, Any]
    seconds: float
    created: float
    sources: dict[str, str] = field(default_factory=dict)

    def to_text(self) -> str:
        """The JSON text of the record's file."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"


def read_key_record(path: Path) -> KeyRecord | None:
    """Read a record; None where there is none or where it is not what was written (its key no longer fits)."""
    try:
        record = KeyRecord(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    fits = isinstance(record.components, Mapping) and digest_of(record.components) == record.key
    return record if fits and isinstance(record.artifact, str) and record.artifact.isalnum() else None


def file_name_of(stage_id: str) -> str:
    """A stage id as one file name: `edge-tpu/quantize` -> `edge-tpu%2Fquantize`."""
    return quote(stage_id, safe="")
