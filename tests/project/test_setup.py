"""What setup.sh does about programs for emulated targets: install them, or say the line that does, and go on."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from edgebuild.device.toolchain import APT_LINE, BOARD_PACKAGES, PACKAGES
from tests.emulated.needed import needs_emulators

SETUP = Path(__file__).resolve().parents[2] / "scripts" / "setup.sh"


def run_step(before: str, folder: Path, **environment: str) -> str:
    """Run that one step of the script where no compiler and no emulator is on PATH; return what it said."""
    for name in ("xargs", "echo", "df", "awk", "cat", "tail", "rm", "id"):
        found = shutil.which(name)
        assert found is not None
        (folder / name).symlink_to(found)
    lines = SETUP.read_text().splitlines()
    functions = "\n".join(lines[lines.index("set -euo pipefail") + 2 : lines.index("exec 9<scripts/setup.sh")])
    program = f"set -euo pipefail\n{functions}\n{before}\ninstall_microcontroller_packages\necho ended\n"
    bash = shutil.which("bash")
    assert bash is not None
    done = subprocess.run(
        [bash, "-c", program], env={"PATH": str(folder), **environment}, capture_output=True, text=True, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("ended\n")
    return done.stdout


def wanted() -> str:
    server = "" if Path("/usr/sbin/sshd").exists() else "openssh-server"
    needed = {**PACKAGES, **BOARD_PACKAGES}
    return " ".join([*(packages for program, packages in needed.items() if program != "gcc"), "clang", server])


def test_the_line_that_installs_them_is_printed_where_the_script_may_not(tmp_path: Path) -> None:
    said = run_step("may_install() { return 1; }", tmp_path)
    line = next(text for text in said.splitlines() if "as root:" in text)
    assert set(line.partition("as root: ")[2].split()) == {*APT_LINE.split(), *wanted().split()}


def test_they_are_installed_where_the_script_may(tmp_path: Path) -> None:
    said = run_step("may_install() { return 0; }; df() { echo; echo a b c 9999; }; apt_install() { :; }", tmp_path)
    assert said.startswith("setup: installing gcc-arm-none-eabi libnewlib-arm-none-eabi ")
    assert "missing" not in said


@pytest.mark.parametrize(
    "trouble", ["apt_install() { echo E: no such package; return 1; }", "df() { echo; echo a b c 9; }"]
)
def test_a_failure_to_install_them_does_not_end_the_script(trouble: str, tmp_path: Path) -> None:
    space = "df() { echo; echo a b c 9999; }; apt_install() { :; }"
    said = run_step(f"may_install() {{ return 0; }}; {space}; {trouble}", tmp_path)
    assert "without emulated targets and their tests: missing gcc-arm-none-eabi" in said


def test_they_can_be_left_out(tmp_path: Path) -> None:
    assert run_step("may_install() { return 0; }", tmp_path, EDGEBUILD_MICROCONTROLLERS="no") == "ended\n"


@needs_emulators
def test_nothing_is_said_where_all_of_them_are_there() -> None:
    missing = [program for program in (*PACKAGES, *BOARD_PACKAGES, "clang") if shutil.which(program) is None]
    assert missing == [], f"the tests need them: {os.linesep.join(missing)}"
