"""The pinned environment: what pyproject.toml asks for, what constraints.txt pins and what is installed agree."""

from __future__ import annotations

import runpy
import tomllib
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
APART = ("power",)
"""Extras that `all` leaves out: they are not in the environment that constraints.txt describes."""


def pins() -> dict[str, str]:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    return dict(line.split("==") for line in lines if not line.startswith("#"))


def project() -> dict[str, Any]:
    read: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return read


def direct_requirements() -> list[Requirement]:
    extras = {name: texts for name, texts in project()["optional-dependencies"].items() if name not in APART}
    texts = [*project()["dependencies"], *(text for extra in extras.values() for text in extra)]
    return [requirement for requirement in map(Requirement, texts) if requirement.name != "edgebuild"]


def test_every_direct_requirement_is_pinned_to_a_version_that_it_allows() -> None:
    pinned = pins()
    refused = [
        str(requirement)
        for requirement in direct_requirements()
        if not requirement.specifier.contains(pinned.get(canonicalize_name(requirement.name), "0"), prereleases=True)
    ]
    assert refused == []


def test_an_extra_that_stands_apart_pins_itself() -> None:
    extras = project()["optional-dependencies"]
    (everything,) = map(Requirement, extras["all"])
    for name in APART:
        assert name not in everything.extras
        for requirement in map(Requirement, extras[name]):
            assert [one.operator for one in requirement.specifier] == ["=="], requirement
            assert canonicalize_name(requirement.name) not in pins()


def test_pins_are_exact_public_versions() -> None:
    assert all(Version(version).local is None for version in pins().values())


def test_no_pin_needs_tensorflow() -> None:
    assert {"tensorflow", "keras"} & set(pins()) == set()


def test_this_environment_is_the_pinned_one() -> None:
    other = {
        name: metadata.version(name)
        for name, version in pins().items()
        if Version(metadata.version(name)).public != version
    }
    assert other == {}


def test_the_file_is_what_the_script_writes() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "write_constraints.py"))
    assert script["constraints_text"]() == (ROOT / "constraints.txt").read_text()


def test_the_light_core_asks_for_no_framework() -> None:
    core = {Requirement(text).name for text in project()["dependencies"]}
    assert core & {"torch", "executorch", "litert-torch", "ai-edge-litert", "scikit-learn"} == set()
