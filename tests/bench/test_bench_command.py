"""`edgebuild bench`, run as a user does: one file, several devices, the same record."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.device.boards import skip_without_boards
from tests.mcu_kernels.layers import RELU, LayerBatch


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a small full-integer file."""
    batch = LayerBatch(3)
    batch.convolve((6, 6), (8, 8), clamp=RELU)
    place = tmp_path_factory.mktemp("bench")
    (place / "net.tflite").write_bytes(batch.build())
    np.save(place / "x.npy", np.full((3, 6, 6, 8), 5, np.int8))
    return place


def bench(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-m", "edgebuild.cli.main", "bench", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


def test_one_file_here_and_on_an_emulated_board_gives_the_same_record(folder: Path) -> None:
    skip_without_boards()
    given = ("net.tflite", "--input", "x.npy", "--json")
    here = bench(folder, *given, "--runs", "30", "--processes", "2")
    there = bench(folder, *given, "--device", "raspberry-pi-4-emulated")
    assert (here.returncode, there.returncode) == (0, 0), here.stderr + there.stderr
    timed, counted = json.loads(here.stdout), json.loads(there.stdout)
    assert timed.keys() == counted.keys()
    assert timed["outputs_sha256"] == counted["outputs_sha256"], "the same three samples, the same bits"
    assert (timed["samples"], timed["figures"][0]["kind"], counted["figures"][0]["kind"]) == (3, "measured", "emulated")
    assert [len(row) for row in timed["milliseconds"]] == [30, 30]
    for record, name in ((timed, "host"), (counted, "raspberry-pi-4-emulated")):
        assert json.loads((folder / f"net.tflite.{name}.json").read_text()) == record


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("absent.tflite",), 2, "absent.tflite: no such file"),
        (("x.npy",), 2, "expected a file that ends in .tflite or .pte"),
        (("net.tflite", "--input", "wrong.npy"), 2, "input 't0' wants int8[1, 6, 6, 8]"),
        (("net.tflite", "--device", "cortex-m4-emulated"), 2, "cannot run on device 'cortex-m4-emulated'"),
        (("net.tflite", "--device", "no-such-board"), 2, "unknown device 'no-such-board'"),
        (("net.tflite", "--output", "no/such/folder.json", "--runs", "1000000"), 2, "folder.json: cannot be written"),
    ],
)
def test_what_cannot_be_run_is_said(folder: Path, arguments: tuple[str, ...], code: int, message: str) -> None:
    np.save(folder / "wrong.npy", np.zeros((1, 3), np.float32))
    done = bench(folder, *arguments)
    assert done.returncode == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr
