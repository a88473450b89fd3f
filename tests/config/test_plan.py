"""The order of a plan's steps, for steps of every phase; nothing is registered for it."""

from __future__ import annotations

from pydantic import Field

from edgebuild.compress.step import Phase
from edgebuild.config.document import parse_document
from edgebuild.config.parameters import Parameters
from edgebuild.config.plan import CheckedStep, check_order
from edgebuild.config.problem import InvalidConfigError, ProblemList
from edgebuild.config.target import PlannedStep
from edgebuild.config.validate import read_table


class Prune(Parameters):
    """A table with a bound on each side, an optional value and a choice between kinds."""

    ratio: float = Field(default=0.5, ge=0, lt=1)
    rounds: int | None = Field(default=None, ge=1)
    layers: int | str = 3


def first_lines(problems: ProblemList) -> list[str]:
    """The message of every problem, without the source line and the caret."""
    try:
        problems.raise_if_any()
    except InvalidConfigError as error:
        return [str(problem).splitlines()[0] for problem in error.problems]
    return []


def checked(text: str, *phases: Phase) -> list[str]:
    problems = ProblemList()
    document = parse_document(text, "plan.yaml", problems)
    assert document is not None
    steps = [
        CheckedStep(PlannedStep(name, Parameters()), at, int(phase), None)
        for (name, at), phase in zip(document.value.items(), phases, strict=True)
    ]
    check_order(steps, problems)
    return first_lines(problems)


def test_phases_may_not_go_back() -> None:
    assert checked("prune: {}\nquantize: {}\n", Phase.STRUCTURE, Phase.QUANTIZE) == []
    told = (
        "plan.yaml:2:1: prune: may not follow quantize (line 1): a step that changes the structure undoes "
        "what quantize did to the type of numbers; put prune first"
    )
    assert checked("quantize: {}\nprune: {}\n", Phase.QUANTIZE, Phase.STRUCTURE) == [told]


def read(text: str) -> list[str]:
    problems = ProblemList()
    document = parse_document(text, "t.yaml", problems)
    assert document is not None
    read_table(Prune, document, problems)
    return first_lines(problems)


def test_bounds_are_told_as_an_interval_or_as_one_side() -> None:
    assert read("ratio: 1.4\n") == ["t.yaml:1:8: ratio: 1.4 is not in [0, 1)"]
    assert read("rounds: 0\n") == ["t.yaml:1:9: rounds: expected at least 1, found 0"]
    assert read("ratio: 0\nrounds: \n") == []


def test_alternatives_are_one_sentence() -> None:
    assert read("layers: [1]\n") == ["t.yaml:1:9: layers: expected a whole number or text, found a list"]
