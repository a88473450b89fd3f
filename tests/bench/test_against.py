"""Two files against each other on one device: their processes take turns, and the ratio says which is faster."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from edgebuild.bench.board.against import Comparison, Contender, compare_on_device
from edgebuild.bench.board.settings import BoardSettings
from edgebuild.bench.board.standalone import samples_for
from edgebuild.bench.board.standalone_pair import bench_pair
from edgebuild.config.device import Device
from edgebuild.config.read_device import load_device
from edgebuild.errors import ConfigError
from tests.arm.llvm import needs_llvm
from tests.bench.command import edgebuild
from tests.bench.sys_board import sys_board
from tests.device.boards import skip_without_boards
from tests.device.sshd import needs_sshd, new_server
from tests.mcu_kernels.layers import RELU, LayerBatch

ROOT = Path(__file__).resolve().parents[2]
FEW = BoardSettings(30, 2, operations=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A layer, and one with the same input that computes 64 times as much."""
    place = tmp_path_factory.mktemp("files")
    for name, channels in (("small", 16), ("large", 1024)):
        batch = LayerBatch(3)
        batch.convolve((12, 12), (16, channels), clamp=RELU)
        (place / f"{name}.tflite").write_bytes(batch.build())
    return place


def one_input(file: Path) -> Contender:
    return Contender(file, samples_for(file))


def compare(device: Device, ours: Path, theirs: Path) -> Comparison:
    return compare_on_device(device, one_input(ours), one_input(theirs), FEW)


@needs_sshd
def test_over_ssh_the_smaller_file_is_faster(folder: Path, tmp_path: Path) -> None:
    server = new_server(tmp_path / "sshd")
    server.start()
    try:
        device = Device(name="board", transport="ssh", options=server.options(python=sys.executable))
        pair = [one_input(folder / f"{name}.tflite") for name in ("small", "large")]
        found = compare_on_device(device, *pair, BoardSettings(30, 4, operations=False))
        assert server.work_folders() == []
    finally:
        server.stop()
    (ratio,) = found.figures
    assert found.verdict == "faster", str(ratio)
    assert (ratio.name, ratio.unit, ratio.kind, ratio.confidence) == ("latency_ratio", "1", "measured", 0.95)
    assert ratio.high is not None
    assert ratio.high < 1
    assert "30 runs in each of 4 processes of each file, in turns (ABBA)" in ratio.provenance
    assert found.findings == ()
    for one in (found.ours, found.theirs):
        assert [len(times) for times in one.milliseconds] == [30] * 4
        assert {figure.value for figure in one.figures if figure.name == "device_equal_outputs"} == {100.0}
    assert [next(iter(one.outputs.values())).shape[-1] for one in (found.ours, found.theirs)] == [16, 1024]


@needs_sshd
def test_a_throttled_process_is_run_again_for_the_file_that_it_is_of(folder: Path, tmp_path: Path) -> None:
    with sys_board(tmp_path / "board") as board:
        board.put("after-2", f"echo 0x20000 >{board.folder}/throttled")
        found = compare(board.device(), folder / "small.tflite", folder / "large.tflite")
        assert board.runs == 5
    assert found.ours.set_aside == ()
    assert [one["number"] for one in found.theirs.set_aside] == [1]
    assert [len(one.milliseconds) for one in (found.ours, found.theirs)] == [2, 2]


@needs_llvm
def test_an_emulated_board_says_how_many_more_instructions_and_how_much_longer(folder: Path) -> None:
    skip_without_boards()
    found = compare(load_device("raspberry-pi-4-emulated", ROOT), folder / "large.tflite", folder / "small.tflite")
    counts, time = found.figures
    assert counts.value is not None
    assert time.value is not None
    assert counts.value > 5
    assert time.value > 5
    assert (time.name, time.kind) == ("latency_ratio", "estimated")
    assert time.confidence == pytest.approx(0.8), "both of two intervals of 90 %"
    assert found.verdict == "slower"
    assert all(len(one.instructions) == 1 for one in (found.ours, found.theirs))


def test_different_inputs_are_said(folder: Path, tmp_path: Path) -> None:
    batch = LayerBatch(4)
    batch.convolve((6, 6), (8, 8), clamp=RELU)
    (tmp_path / "other.tflite").write_bytes(batch.build())
    found = compare(load_device("host", ROOT), folder / "small.tflite", tmp_path / "other.tflite")
    (note,) = found.findings
    assert (note.code, note.severity) == ("inputs-differ", "note")
    assert "(int8[1, 12, 12, 16] against int8[1, 6, 6, 8])" in note.message
    np.save(tmp_path / "x.npy", np.zeros((1, 12, 12, 16), np.int8))
    with pytest.raises(ConfigError, match=r"other\.tflite: .*found int8\[1, 12, 12, 16\], input 't0' wants") as raised:
        bench_pair(
            folder / "small.tflite", tmp_path / "other.tflite", load_device("host", ROOT), [tmp_path / "x.npy"], FEW
        )
    assert "quantize and lay out" in str(raised.value.remedy)


def test_an_order_that_is_not_balanced_is_refused(folder: Path) -> None:
    pair = [one_input(folder / "small.tflite")] * 2
    with pytest.raises(ConfigError, match="3 processes of each file cannot take turns in a balanced order"):
        compare_on_device(load_device("host", ROOT), *pair, BoardSettings(30, 3))


def test_the_command_prints_a_verdict_and_writes_both_records(folder: Path) -> None:
    few = ("--runs", "30", "--json")
    done = edgebuild(folder, "bench", "small.tflite", "--against", "large.tflite", *few)
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert record == json.loads((folder / "small.tflite-against-large.tflite.host.json").read_text())
    assert record["verdict"] == "faster"
    assert [record[part]["file"] for part in ("ours", "theirs")] == ["small.tflite", "large.tflite"]
    assert record["figures"][0]["high"] < 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--against", "absent.tflite"), "absent.tflite: no such file"),
        (("--against", "large.tflite", "--estimate"), "--against runs both files, --estimate runs none"),
        (("--against", "large.tflite", "--device", "cortex-m4-emulated"), "small.tflite cannot run on device"),
        (("--time-limit", "5s"), "--time-limit bounds --precision, which is not given"),
        (("--precision", "5"), "expected a share between 0% and 100%"),
        (("--cores", "fast"), "expected cores: one of little, middle, big"),
    ],
)
def test_what_does_not_go_together_is_said(folder: Path, arguments: tuple[str, ...], message: str) -> None:
    done = edgebuild(folder, "bench", "small.tflite", *arguments)
    assert done.returncode == 2
    assert message in " ".join(done.stderr.replace("│", " ").split())
    assert "Traceback" not in done.stderr
