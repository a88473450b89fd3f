"""One thing that the doctor looked at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

Group = Literal["python package", "runtime", "program", "machine"]
State = Literal["ok", "missing", "wrong"]


@dataclass(frozen=True)
class Check:
    """What was found and what is wanted.

    Attributes:
        name: of the package, runtime, program or resource.
        wanted: a version specifier, a size or `any`.
        found: version or amount; None where it is missing.
        state: `wrong` is found, but not as wanted.
        required: True where a build of the shipped targets cannot do without it.
        purpose: what it is for, a few words.
        remedy: the command that puts it right.
    """

    group: Group
    name: str
    wanted: str
    found: str | None
    state: State
    required: bool
    purpose: str
    remedy: str

    def to_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return asdict(self)

    @property
    def blocking(self) -> bool:
        """True where a build cannot work because of this."""
        return self.required and self.state != "ok"


def blocking(checks: Iterable[Check]) -> list[Check]:
    """The checks that stand in the way of a build."""
    return [check for check in checks if check.blocking]
