"""The C array, compiled for real as C and as C++."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from edgebuild.errors import ConfigError
from tests.package.exports import MANIFEST, int8_export, pack

DATA = bytes(range(256)) * 9 + b"odd"

STRICT = ["-Wall", "-Wextra", "-Wpedantic", "-Werror"]

C_PROGRAM = """
#include <stdio.h>
#include "model_data.h"
#include "model_data.h"

int main(void) {
    static const int shape[MY_DIGITS_V2_INPUT_0_RANK] = MY_DIGITS_V2_INPUT_0_SHAPE;
    static const char *labels[MY_DIGITS_V2_LABEL_COUNT] = MY_DIGITS_V2_LABELS;
    static MY_DIGITS_V2_INPUT_0_TYPE input[MY_DIGITS_V2_INPUT_0_ELEMENTS];
    int misaligned = (int)((uintptr_t)g_my_digits_v2_model_data % 16);
    fprintf(stderr, "%d %zu %d %s %s %.9g %d %u %s", misaligned, sizeof input, shape[1], MY_DIGITS_V2_INPUT_0_NAME,
            MY_DIGITS_V2_INPUT_0_LAYOUT, (double)MY_DIGITS_V2_INPUT_0_SCALE, MY_DIGITS_V2_INPUT_0_ZERO_POINT,
            g_my_digits_v2_model_data_len, labels[9]);
    fwrite(g_my_digits_v2_model_data, 1, MY_DIGITS_V2_MODEL_SIZE, stdout);
    return 0;
}
"""

CPP_PROGRAM = """
#include <cstdio>
#include "model_data.h"

static_assert(MY_DIGITS_V2_OUTPUT_COUNT == 1 && MY_DIGITS_V2_OUTPUT_0_DIM_1 == 10, "shape");
static_assert(MY_DIGITS_V2_OUTPUT_0_SCALE == 0.25f && MY_DIGITS_V2_OUTPUT_0_ZERO_POINT == 3, "quantization");

int main() {
    std::fwrite(g_my_digits_v2_model_data, 1, g_my_digits_v2_model_data_len, stdout);
    return MY_DIGITS_V2_MODEL_SIZE == g_my_digits_v2_model_data_len ? 0 : 1;
}
"""

LABELS_PROGRAM = """
#include <stdio.h>
#include "model_data.h"

int main(void) {
    static const char *labels[] = M_LABELS;
    for (int i = 0; i < M_LABEL_COUNT; ++i) puts(labels[i]);
    return 0;
}
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    return pack("microcontroller", int8_export(tmp_path / "export", DATA), tmp_path / "package")


def build(folder: Path, compiler: list[str], *sources: str) -> subprocess.CompletedProcess[bytes]:
    """Compile with every warning an error, run, and return what came out."""
    program = folder / "program"
    subprocess.run([*compiler, *STRICT, "-I", str(folder), "-o", str(program), *sources], cwd=folder, check=True)
    return subprocess.run([str(program)], capture_output=True, check=True)


def test_the_array_compiles_as_c11_and_is_the_file_byte_for_byte(package: Path) -> None:
    (package / "main.c").write_text(C_PROGRAM)
    completed = build(package, ["gcc", "-std=c11"], "model_data.c", "main.c")
    assert completed.stdout == DATA
    assert completed.stderr.decode() == f"0 64 8 image nhwc 0.00784313772 -128 {len(DATA)} 9"


def test_a_cpp_program_links_the_c_object(package: Path) -> None:
    (package / "main.cpp").write_text(CPP_PROGRAM)
    subprocess.run(["gcc", "-std=c11", *STRICT, "-c", "model_data.c"], cwd=package, check=True)
    assert build(package, ["g++", "-std=c++17"], "model_data.o", "main.cpp").stdout == DATA


def test_the_source_is_valid_cpp_too(package: Path) -> None:
    (package / "main.cpp").write_text(CPP_PROGRAM)
    assert build(package, ["g++", "-std=c++17", "-x", "c++"], "model_data.c", "main.cpp").stdout == DATA


def test_the_file_itself_and_the_manifest_are_there(package: Path) -> None:
    assert (package / "model.tflite").read_bytes() == DATA
    assert set(json.loads((package / "manifest.json").read_text())["files"]) == {
        "labels.txt",
        "model.tflite",
        "model_data.c",
        "model_data.h",
    }


def test_labels_of_any_text_survive_the_c_compiler(tmp_path: Path) -> None:
    labels = ('say "hi"', "back\\slash", "naïve 7", "what??/", "50 %")
    package = pack("microcontroller", int8_export(tmp_path / "e", DATA), tmp_path / "p", labels=labels, symbol="m")
    (package / "main.c").write_text(LABELS_PROGRAM)
    assert build(package, ["gcc", "-std=c11"], "model_data.c", "main.c").stdout.decode().splitlines() == list(labels)


@pytest.mark.parametrize(
    ("project", "symbol"),
    [("digits", "digits"), ("My digits-v2", "my_digits_v2"), ("数字", "model"), ("9 lives", "model_9_lives")],
)
def test_the_symbol_follows_the_name_of_the_project(project: str, symbol: str, tmp_path: Path) -> None:
    package = pack(
        "microcontroller", int8_export(tmp_path / "e", DATA), tmp_path / "p", manifest={**MANIFEST, "project": project}
    )
    assert f"const unsigned char g_{symbol}_model_data[]" in (package / "model_data.h").read_text()


def test_the_profile_may_choose_the_symbol_but_only_one_that_c_allows(tmp_path: Path) -> None:
    export = int8_export(tmp_path / "export", DATA)
    package = pack("microcontroller", export, tmp_path / "p", symbol="Net2")
    assert "#define NET2_MODEL_SIZE" in (package / "model_data.h").read_text()
    with pytest.raises(ConfigError, match=r"package\.symbol: String should match pattern"):
        pack("microcontroller", export, tmp_path / "q", symbol="2net")
