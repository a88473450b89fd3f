"""A rule: one thing that every exported file is held against, whatever the plan was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from edgebuild.check.census.model import Census
from edgebuild.check.finding import Finding
from edgebuild.check.promise import Promise


@dataclass(frozen=True)
class Rule:
    """One rule; registered in RULES under the code of its findings.

    Attributes:
        title: one line for docs: what the rule wants to see.
        check: (census, promise, layers of the user's model in forward order) -> findings; empty where all is well.
    """

    title: str
    check: Callable[[Census, Promise, tuple[str, ...]], list[Finding]]
