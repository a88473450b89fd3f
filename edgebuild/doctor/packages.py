"""The Python packages that edgebuild names in its own metadata, looked up without importing any of them."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import metadata

from packaging.requirements import Requirement

from edgebuild.doctor.check import Check, State

DISTRIBUTION = "edgebuild"

PURPOSES = {
    "": "every command",
    "torch": "reading, training and compressing models",
    "executorch": "targets that export ExecuTorch files",
    "tflite": "targets that export TFLite files",
    "devices": "devices that are reached over ssh or adb",
    "power": "power meters on the bench",
    "dev": "the tests and checks of edgebuild itself",
}
"""Extra -> what it is for; what several extras ask for is listed under the first."""

NOT_NEEDED = ("devices", "power", "dev")
"""Extras without which every shipped target builds."""


def examine_packages() -> list[Check]:
    """Return one check per package, in the order of the extras above."""
    seen: set[str] = set()
    checks = []
    for extra, purpose in PURPOSES.items():
        for requirement in _requirements(extra):
            if requirement.name not in seen:
                seen.add(requirement.name)
                checks.append(_check(requirement, purpose, required=extra not in NOT_NEEDED))
    return checks


def _requirements(extra: str) -> Iterator[Requirement]:
    """The direct requirements of an extra; `""` stands for those without one."""
    for text in metadata.requires(DISTRIBUTION) or ():
        requirement = Requirement(text)
        if requirement.name == DISTRIBUTION:
            continue
        unconditional = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
        if unconditional if extra == "" else not unconditional and _applies(requirement, extra):
            yield requirement


def _applies(requirement: Requirement, extra: str) -> bool:
    return requirement.marker is not None and requirement.marker.evaluate({"extra": extra})


def _check(requirement: Requirement, purpose: str, *, required: bool) -> Check:
    try:
        found = metadata.version(requirement.name)
    except metadata.PackageNotFoundError:
        found = None
    state: State = "missing"
    if found is not None:
        state = "ok" if requirement.specifier.contains(found, prereleases=True) else "wrong"
    wanted = str(requirement.specifier)
    return Check(
        group="python package",
        name=requirement.name,
        wanted=wanted or "any",
        found=found,
        state=state,
        required=required,
        purpose=purpose,
        remedy=f"pip install '{requirement.name}{wanted}'",
    )
