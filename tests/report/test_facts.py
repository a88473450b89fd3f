"""Facts survive JSON, and a foreign document is refused."""

import json
from dataclasses import replace

import pytest

from edgebuild.errors import ConfigError
from edgebuild.report.facts import LayerFacts, RunFacts
from tests.report.sample import sample_facts


def test_facts_come_back_from_json_as_they_were() -> None:
    facts = sample_facts()
    assert RunFacts.from_json(json.loads(json.dumps(facts.to_json()))) == facts


def test_another_schema_version_is_refused_with_a_remedy() -> None:
    raw = {**sample_facts().to_json(), "schema_version": 99}
    with pytest.raises(ConfigError, match="found schema_version 99") as caught:
        RunFacts.from_json(raw)
    assert caught.value.remedy


@pytest.mark.parametrize("raw", [[], {}, {"schema_version": 1, "project": 3}])
def test_a_document_that_is_no_report_is_refused(raw: object) -> None:
    with pytest.raises(ConfigError, match="not a report"):
        RunFacts.from_json(raw)  # type: ignore[arg-type]


def test_a_number_json_cannot_hold_never_gets_into_a_report() -> None:
    facts = sample_facts()
    broken = replace(facts.targets[0], layers=(LayerFacts("stem", float("inf")),))
    with pytest.raises(ValueError, match="not JSON compliant"):
        replace(facts, targets=(broken,)).to_json()


def test_the_last_figure_of_a_name_counts() -> None:
    target = sample_facts().targets[0]
    newer = replace(target.figures[0], value=1.0)
    assert replace(target, figures=(*target.figures, newer)).figure("file_size") == newer
    assert target.figure("nonsense") is None
