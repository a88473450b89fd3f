"""Names of functions, from a library that is compiled here and mapped somewhere."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from edgebuild.device.qemu_profile import MappedFile
from edgebuild.device.toolchain import find_program
from edgebuild.estimate.arm.symbols import function_at

SOURCE = "int twice(int x) { return 2 * x; }\nint thrice(int x) { return twice(x) + x; }\n"
BASE = 0x5500000000


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("library")
    (folder / "both.c").write_text(SOURCE)
    command = [find_program("gcc"), "-shared", "-fPIC", "-O0", "both.c", "-o", "libboth.so"]
    subprocess.run(command, cwd=folder, check=True)
    return folder / "libboth.so"


def places(library: Path) -> dict[str, int]:
    said = subprocess.run(["nm", library], capture_output=True, text=True, check=True).stdout
    rows = [line.split() for line in said.splitlines()]
    return {row[2]: int(row[0], 16) for row in rows if len(row) == 3 and row[2] in ("twice", "thrice")}


def test_a_place_in_a_mapped_file_has_the_name_of_its_function(library: Path) -> None:
    mapped = [MappedFile(BASE, BASE + 0x10000, 0, str(library))]
    for name, place in places(library).items():
        assert function_at(BASE + place, mapped) == ("libboth.so", name)
        assert function_at(BASE + place + 4, mapped) == ("libboth.so", name)


def test_a_place_without_a_name_is_its_number(library: Path, tmp_path: Path) -> None:
    bare = tmp_path / "libbare.so"
    bare.write_bytes(library.read_bytes())
    subprocess.run(["strip", "--strip-all", bare], check=True)
    notes = tmp_path / "notes.txt"
    notes.write_text("no program")
    mapped = [MappedFile(BASE, BASE + 0x10000, 0x40, str(notes)), MappedFile(2 * BASE, 3 * BASE, 0, "/gone")]
    assert function_at(BASE + 0x10, mapped) == ("notes.txt", "+0x50")
    assert function_at(2 * BASE + 5, mapped) == ("gone", "+0x5")
    assert function_at(7, mapped) == ("", "0x7")
