"""The runtimes that run exported files on this host."""

from __future__ import annotations

from edgebuild.config.registries import RUNTIMES
from edgebuild.doctor.check import Check


def examine_runtimes() -> list[Check]:
    """Return one check per registered runtime; a target that names a missing one cannot be verified here."""
    return [_check(name, runtime.title, runtime.version(), runtime.remedy) for name, runtime in RUNTIMES.items()]


def _check(name: str, title: str, found: str | None, remedy: str) -> Check:
    return Check(
        group="runtime",
        name=name,
        wanted="any",
        found=found,
        state="missing" if found is None else "ok",
        required=True,
        purpose=title,
        remedy=remedy,
    )
