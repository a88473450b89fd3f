"""The doctor looks at this machine, and at programs and folders made for it."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

from edgebuild.config.registries import RUNTIMES
from edgebuild.doctor.check import blocking
from edgebuild.doctor.machine import examine_machine
from edgebuild.doctor.packages import examine_packages
from edgebuild.doctor.programs import Program, examine_programs
from edgebuild.doctor.runtimes import examine_runtimes


def test_every_package_that_the_metadata_names_is_listed_once_with_its_installed_version() -> None:
    checks = examine_packages()
    names = [check.name for check in checks]
    named = {re.split(r"[^A-Za-z0-9_-]", text)[0] for text in metadata.requires("edgebuild") or ()} - {"edgebuild"}
    assert sorted(names) == sorted(named)
    installed = {distribution.metadata["Name"] for distribution in metadata.distributions()}
    missing = [check for check in checks if check.found is None]
    assert {check.purpose for check in missing} <= {"power meters on the bench"}, "setup installs all the others"
    assert all(check.found == metadata.version(check.name) for check in checks if check not in missing)
    assert not {check.name for check in missing} & installed
    assert blocking(checks) == []


def test_the_pin_is_what_is_wanted_and_build_metadata_of_the_wheel_does_not_matter() -> None:
    torch = next(check for check in examine_packages() if check.name == "torch")
    assert torch.wanted == "==2.13.0"
    assert torch.state == "ok"
    assert torch.required


def test_tools_of_our_own_tests_do_not_block_a_build() -> None:
    assert not next(check for check in examine_packages() if check.name == "pytest").required


def test_nothing_is_imported_to_learn_its_version() -> None:
    program = (
        "import sys\n"
        "from edgebuild.doctor.packages import examine_packages\n"
        "from edgebuild.doctor.runtimes import examine_runtimes\n"
        "assert len(examine_packages()) > 10; examine_runtimes()\n"
        "heavy = {'torch', 'executorch', 'litert_torch', 'ai_edge_quantizer', 'sklearn'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


def test_every_registered_runtime_is_listed_with_its_remedy() -> None:
    checks = examine_runtimes()
    assert [check.name for check in checks] == RUNTIMES.names()
    assert all(check.remedy for check in checks)


def test_a_program_says_its_own_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _program(tmp_path / "speaks", "echo 'speaks (Distro 1) 12.2.0 of 2020'")
    _program(tmp_path / "fails", "echo unknown option >&2; exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    checks = examine_programs(
        tuple(Program(name, "--version", True, "a test", f"get {name}") for name in ("speaks", "fails", "absent"))
    )
    assert [(check.found, check.state) for check in checks] == [("12.2.0", "ok"), ("there", "ok"), (None, "missing")]
    assert [check.remedy for check in blocking(checks)] == ["get absent"]


def test_what_microcontrollers_need_is_listed_with_the_line_that_installs_it_and_blocks_no_other_target() -> None:
    checks = {check.name: check for check in examine_programs()}
    for name in ("arm-none-eabi-gcc", "riscv64-unknown-elf-gcc", "qemu-system-arm", "qemu-system-riscv32"):
        assert checks[name].found is not None, "the tests of emulated cores need it"
        assert not checks[name].required
    assert checks["arm-none-eabi-gcc"].remedy.endswith(" gcc-arm-none-eabi libnewlib-arm-none-eabi")


def test_a_store_that_can_be_made_is_not_made_by_looking(tmp_path: Path) -> None:
    checks = {check.name: check for check in examine_machine(tmp_path / "project" / ".edgebuild")}
    assert checks["store"].state == "ok"
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_cannot_be_written_blocks(tmp_path: Path) -> None:
    checks = {check.name: check for check in examine_machine(Path("/proc/edgebuild/.edgebuild"))}
    assert checks["store"].blocking
    assert "/proc" in checks["store"].remedy


def _program(path: Path, script: str) -> None:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
