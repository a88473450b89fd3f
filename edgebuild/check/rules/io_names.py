"""Rule `io-names`: inputs and outputs carry the user's names, in the user's order."""

from __future__ import annotations

from edgebuild.check.census.model import Census, IoRecord
from edgebuild.check.finding import Finding
from edgebuild.check.promise import Promise
from edgebuild.check.rule import Rule
from edgebuild.config.registries import RULES

CODE = "io-names"


def check(census: Census, promise: Promise, layers: tuple[str, ...]) -> list[Finding]:
    """Compare names: signature names of a .tflite, those of our metadata in a .pte."""
    pairs = (("inputs", census.inputs, promise.input_names), ("outputs", census.outputs, promise.output_names))
    complaints = [_complaint(kind, records, names) for kind, records, names in pairs if names]
    return [Finding(CODE, message) for message in complaints if message]


def _complaint(kind: str, records: tuple[IoRecord, ...], promised: tuple[str, ...]) -> str | None:
    found = tuple(record.name for record in records)
    if found == promised:
        return None
    return f"{kind} are called {', '.join(found)}, promised {', '.join(promised)} in this order"


RULES.register(CODE)(Rule("inputs and outputs carry the user's names, in order", check))
