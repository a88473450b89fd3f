"""The one jinja2 environment of the report: everything is escaped, an unknown name is our bug."""

from __future__ import annotations

from functools import cache
from typing import Any


@cache
def environment() -> Any:
    """Return the environment that loads `edgebuild/report/templates`."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    from edgebuild.figure import format_value
    from edgebuild.report import headline, verdict, wording

    made = Environment(
        loader=PackageLoader("edgebuild.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(
        label=wording.label,
        value=wording.value_text,
        interval=wording.interval_text,
        duration=wording.seconds_text,
        size=lambda count: format_value(count, "B"),
        budget_state=headline.budget_state,
        found=lambda budget: (
            headline.limit_text(budget.value, budget.unit) if budget.value is not None else wording.DASH
        ),
        limit=headline.budget_limit_text,
        verdict=lambda status: verdict.VERDICTS[status],
    )
    return made
