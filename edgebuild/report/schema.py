"""The JSON Schema of report.json, derived from the records themselves; published as docs/report.schema.json.

`python -m edgebuild.report.schema PATH` writes it; a test fails when the published file is not the current one.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from edgebuild.report.facts import SCHEMA_VERSION, RunFacts


def report_schema() -> dict[str, Any]:
    """Return the schema (draft 2020-12); every key is required and no other is allowed."""
    from pydantic import TypeAdapter

    schema = TypeAdapter(RunFacts).json_schema(mode="serialization")
    for record in (schema, *schema["$defs"].values()):
        if "properties" in record:
            record["additionalProperties"] = False
            record["required"] = sorted(record["properties"])
            for value in record["properties"].values():
                value.pop("default", None)
    schema["properties"]["schema_version"] = {"const": SCHEMA_VERSION, "title": "Schema Version"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:edgebuild:report:{SCHEMA_VERSION}",
        **schema,
    }


def schema_text() -> str:
    """Return the schema as it stands in docs/report.schema.json."""
    return json.dumps(report_schema(), indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(schema_text())
