"""What the generated C promises: clean in strict compilers and sanitizers, no variables, re-entrant, exact."""

from __future__ import annotations

import dataclasses
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings

from edgebuild.export.c.compile import CompiledModel, CompileOptions, compile_model
from tests.mcu.compiler.flatbuffer import ModelBuilder
from tests.mcu.compiler.graphs import network
from tests.mcu.compiler.host import STRICT, HostModel, random_inputs, run_oracle, write_files
from tests.mcu.compiler.test_graphs import dead_channels, pointwise_pair
from tests.mcu.compiler.test_operations import CASES

FEW = settings(
    max_examples=2,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)

SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")

ROUNDING = "(value - (value < 0) +"
"""Halves away from zero, in the shared requantization."""


def compiled(model: bytes) -> CompiledModel:
    return compile_model(model, "case.tflite", CompileOptions())


def run(command: list[str], **options: object) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(command, capture_output=True, check=False, **options)  # type: ignore[call-overload]


@pytest.mark.parametrize("name", CASES)
def test_the_code_is_clean_in_gcc_clang_and_the_sanitizers(name: str, tmp_path: Path) -> None:
    @FEW
    @given(model=CASES[name][0])
    def check(model: bytes) -> None:
        assert_clean(model, tmp_path)

    check()


def test_networks_are_clean_in_gcc_clang_and_the_sanitizers(tmp_path: Path) -> None:
    @settings(FEW, max_examples=10)
    @given(model=network())
    def check(model: bytes) -> None:
        assert_clean(model, tmp_path)

    check()


def assert_clean(model: bytes, folder: Path) -> None:
    """Compile without a warning in both compilers, run the example program under the sanitizers, compare its bytes."""
    made = compiled(model)
    write_files(made, folder)
    clang = run(["clang", *STRICT, "-fsyntax-only", str(folder / "model.c"), str(folder / "main.c")])
    assert clang.stderr == b""
    sources = [str(folder / name) for name in ("model.c", "main.c")]
    gcc = run(["gcc", *STRICT, "-O1", *SANITIZERS, "-o", str(folder / "program"), *sources])
    assert gcc.stderr == b""
    inputs = random_inputs(made, 1)
    done = run([str(folder / "program")], input=b"".join(array.tobytes() for array in inputs))
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == b"".join(array.tobytes() for array in run_oracle(model, inputs))


def test_the_library_has_no_variables(tmp_path: Path) -> None:
    write_files(compiled(dead_channels()), tmp_path)
    run(["gcc", "-O2", "-fno-pic", "-c", "-o", str(tmp_path / "model.o"), str(tmp_path / "model.c")])
    listing = run(["nm", str(tmp_path / "model.o")]).stdout.decode()
    kinds = {line.split()[-2] for line in listing.splitlines()}
    assert "T" in kinds
    assert kinds.isdisjoint({"B", "b", "D", "d", "C"}), listing


def test_two_arenas_at_the_same_time_do_not_disturb_each_other() -> None:
    made = compiled(pointwise_pair())
    host = HostModel(made)
    inputs = [random_inputs(made, seed) for seed in (1, 2)]
    alone = [host.run(each)[0] for each in inputs]
    arenas = [host.arena() for _ in inputs]

    def infer(number: int) -> bool:
        same = True
        for _ in range(50):
            arenas[number].write(made.inputs[0], inputs[number][0])
            host.invoke(arenas[number])
            same &= np.array_equal(arenas[number].read(made.outputs[0]), alone[number])
        return same

    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(infer, [0, 1])) == [True, True]


def test_no_compiler_leaves_a_layer_out() -> None:
    """GCC 12 took this layer for one without effect, at -O1 and -O2: see `EB_OPAQUE`."""
    builder = ModelBuilder()
    source = builder.tensor((1, 5, 4, 4), "int8", 0.1, 3)
    target = builder.tensor((1, 4, 5, 4), "int8", 0.1, 3)
    builder.operate("TRANSPOSE", [source, builder.constant([0, 2, 1, 3])], [target], 2)
    made = compiled(builder.build([source], [target]))
    values = random_inputs(made, 0)[0]
    for flags in (["-O0"], ["-O1"], ["-O2"], ["-O3"], ["-Os"]):
        np.testing.assert_array_equal(HostModel(made, flags=flags).run([values])[0], values.transpose(0, 2, 1, 3))


def test_a_wrong_rounding_is_caught() -> None:
    made = compiled(pointwise_pair())
    assert made.files["model.c"].count(ROUNDING) == 1
    wrong = {**made.files, "model.c": made.files["model.c"].replace(ROUNDING, "(value +")}
    inputs = random_inputs(made, 0)
    expected = run_oracle(pointwise_pair(), inputs)[0]
    np.testing.assert_array_equal(HostModel(made).run(inputs)[0], expected)
    mutated = HostModel(dataclasses.replace(made, files=wrong)).run(inputs)[0]
    assert 0 < np.count_nonzero(mutated != expected) < expected.size / 10, "a few halves are rounded the other way"


def test_the_cmake_project_builds_and_runs(tmp_path: Path) -> None:
    made = compiled(dead_channels())
    write_files(made, tmp_path)
    if run(["which", "cmake"]).returncode != 0:
        pytest.skip("cmake is not installed")
    configured = run(["cmake", "-S", str(tmp_path), "-B", str(tmp_path / "build")])
    assert configured.returncode == 0, configured.stderr
    built = run(["cmake", "--build", str(tmp_path / "build")])
    assert built.returncode == 0, built.stderr
    inputs = random_inputs(made, 3)
    done = run([str(tmp_path / "build" / "model_example")], input=inputs[0].tobytes())
    assert done.stdout == run_oracle(dead_channels(), inputs)[0].tobytes()
