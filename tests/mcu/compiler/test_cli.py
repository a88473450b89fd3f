"""`edgebuild compile`: files in a folder, facts as JSON, and errors that name what is wrong."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgebuild.runtime.tflite_micro import reference_outputs as interpret
from tests.mcu.compiler.flatbuffer import ModelBuilder
from tests.mcu.compiler.test_graphs import pointwise_pair, wide_middle

ROOT = Path(__file__).resolve().parents[3]


def edgebuild(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "edgebuild.cli.main", *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder, env=environment)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "pair.tflite"
    path.write_bytes(pointwise_pair())
    return path


def test_the_facts_are_json_and_the_files_are_there(model: Path, tmp_path: Path) -> None:
    done = edgebuild(tmp_path, "compile", "pair.tflite", "--target", "cortex-m4", "-o", "out", "--json")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["core"] == "cortex-m4"
    assert [layer["op"] for layer in facts["layers"]] == ["CONV_2D", "CONV_2D"]
    assert facts["arena_lower_bound"] <= facts["arena_bytes"]
    assert facts["files"] == sorted(path.name for path in (tmp_path / "out").iterdir())
    assert f"#define MODEL_ARENA_BYTES {facts['arena_bytes']}\n" in (tmp_path / "out" / "model.h").read_text()


def test_people_see_every_layer_and_the_memory(model: Path, tmp_path: Path) -> None:
    done = edgebuild(tmp_path, "compile", "pair.tflite", "--target", "rv32imc", "--prefix", "net")
    assert done.returncode == 0, done.stderr
    assert "net_layer_01" in done.stdout
    assert "arena" in done.stdout
    assert (tmp_path / "pair-rv32imc" / "net.c").is_file()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--target", "cortex-m99"), "'cortex-m99' is neither a profile nor a core"),
        (("--target", "raspberry-pi-4"), "target 'raspberry-pi-4' names no hardware.core"),
        (("--target", "generic", "--prefix", "My"), "prefix 'My' is not a lower-case C name"),
        (("--target", "generic", "-o", "pair.tflite"), "pair.tflite: cannot be written"),
    ],
)
def test_bad_input_is_named(model: Path, tmp_path: Path, arguments: tuple[str, ...], expected: str) -> None:
    done = edgebuild(tmp_path, "compile", "pair.tflite", *arguments)
    assert done.returncode == 2
    assert expected in done.stderr


def test_an_operation_that_is_not_supported_is_named_with_all_that_is(tmp_path: Path) -> None:
    builder = ModelBuilder()
    source, target = (builder.tensor((1, 4), "int8", 0.1, 0) for _ in range(2))
    builder.operate("COS", [source], [target], 1)
    (tmp_path / "cosine.tflite").write_bytes(builder.build([source], [target]))
    done = edgebuild(tmp_path, "compile", "cosine.tflite", "--target", "generic", "--json")
    assert done.returncode == 2
    message = json.loads(done.stdout)["error"]["message"]
    assert "COS version 1 (operation 0, layer 't1') is not supported\n  supported are: ADD, AVERAGE_POOL_2D" in message


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    done = edgebuild(tmp_path, "compile", "none.tflite", "--target", "generic")
    assert (done.returncode, "none.tflite: cannot be read: No such file" in done.stderr) == (2, True)


RUN = ("compile", "pair.tflite", "--target", "stm32l4r5", "-o", "out", "--run", "--json")


def test_a_run_says_what_was_counted_and_that_it_is_exact(model: Path, tmp_path: Path) -> None:
    done = edgebuild(tmp_path, *RUN)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["exact"] is True
    assert sum(layer["instructions"] for layer in facts["layers"]) + facts["overhead"] == facts["instructions"]
    assert 0 < facts["stack_bytes"] <= 256
    assert facts["flash_bytes"] > facts["weight_bytes"] > 0
    assert facts["cycles"]["low"] < facts["cycles"]["value"] < facts["cycles"]["high"]
    assert sum("equal those of" in finding["message"] for finding in facts["findings"]) == 2


def test_samples_of_the_users_give_their_outputs(model: Path, tmp_path: Path) -> None:
    shape = tuple(json.loads(edgebuild(tmp_path, *RUN).stdout)["inputs"][0]["shape"])
    samples = np.random.default_rng(5).integers(-128, 128, size=(3, *shape[1:]), dtype=np.int8)
    np.save(tmp_path / "x.npy", samples)
    facts = json.loads(edgebuild(tmp_path, *RUN, "--input", "x.npy").stdout)
    expected = [b"".join(row) for row in interpret(model.read_bytes(), [[one[None]] for one in samples], 1)]
    assert facts["outputs_sha256"] == [hashlib.sha256(row).hexdigest() for row in expected]
    assert facts["output_sha256"] == facts["outputs_sha256"][0]


def test_a_sample_that_does_not_fit_is_named(model: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((2, 3), np.float32))
    done = edgebuild(tmp_path, *RUN, "--input", "x.npy")
    assert done.returncode == 2
    assert "x.npy: found float32[2, 3], input" in done.stderr


def test_the_ram_of_the_profile_bounds_the_arena(tmp_path: Path) -> None:
    (tmp_path / "wide.tflite").write_bytes(wide_middle())
    (tmp_path / "small.yaml").write_text("extends: cortex-m4\ntarget: small\nbudgets: {ram: 8 KiB}\n")
    arenas = {}
    for target in ("cortex-m4", "./small.yaml"):
        done = edgebuild(tmp_path, "compile", "wide.tflite", "--target", target, "--json")
        assert done.returncode == 0, done.stderr
        arenas[target] = json.loads(done.stdout)["arena_bytes"]
    assert arenas["./small.yaml"] <= 8192 < arenas["cortex-m4"]
