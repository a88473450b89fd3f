"""The published schema is the current one, and every report keeps to it."""

from pathlib import Path

import jsonschema  # type: ignore[import-untyped]
import pytest

from edgebuild.report.facts import RunFacts
from edgebuild.report.schema import report_schema, schema_text
from tests.report.sample import passing_facts, sample_facts

PUBLISHED = Path(__file__).parents[2] / "docs" / "report.schema.json"


def test_the_published_schema_is_current() -> None:
    assert PUBLISHED.read_text() == schema_text(), "run: python -m edgebuild.report.schema docs/report.schema.json"


@pytest.mark.parametrize("facts", [sample_facts(), passing_facts()])
def test_reports_validate(facts: RunFacts) -> None:
    schema = report_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(facts.to_json(), schema)


def test_unknown_and_missing_keys_do_not_validate() -> None:
    schema, raw = report_schema(), sample_facts().to_json()
    with pytest.raises(jsonschema.ValidationError, match="Additional properties"):
        jsonschema.validate({**raw, "surprise": 1}, schema)
    del raw["targets"][0]["figures"][0]["provenance"]
    with pytest.raises(jsonschema.ValidationError, match="provenance"):
        jsonschema.validate(raw, schema)
