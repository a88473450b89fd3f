"""`edgebuild calibrate`, run as a user does: measured times in, estimates with an interval out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from edgebuild.bench.board.settings import BoardSettings
from edgebuild.bench.board.standalone import bench_file
from edgebuild.bench.calibrate import calibrate, save_calibration
from edgebuild.bench.estimated import file_workload
from edgebuild.config.measurements import cells_of
from edgebuild.config.read_device import load_device
from edgebuild.errors import ConfigError
from edgebuild.estimate.predictor.amounts import amounts_of
from tests.arm.llvm import needs_llvm
from tests.bench.command import edgebuild
from tests.device.boards import skip_without_boards
from tests.mcu_kernels.layers import RELU, LayerBatch

MMAC_MS, CALL_MS = 3.0, 0.2
"""The device of these tests: ms of a million multiply-accumulates, and of a call."""
NETWORKS = 14
HEAD = "model,dtype,threads,ms\n"


def write_net(file: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    batch = LayerBatch(seed)
    channels = int(rng.integers(1, 6)) * 4
    last = batch.convolve((12, 12), (4, channels), kernel=(3, 3), clamp=RELU)
    for _ in range(int(rng.integers(1, 4))):
        last = batch.convolve((12, 12), (channels, channels), clamp=RELU, source=last)
    batch.depthwise((12, 12), channels, clamp=RELU, source=last)
    file.write_bytes(batch.build())


def time_of(file: Path) -> float:
    return CALL_MS + MMAC_MS * file_workload(file).macs / 1e6


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Networks, the measured times of all but the last two, and a project folder."""
    place = tmp_path_factory.mktemp("calibrate")
    rng = np.random.default_rng(0)
    lines = ["model,dtype,threads,ms"]
    for number in range(NETWORKS + 2):
        file = place / f"net{number}.tflite"
        write_net(file, number)
        if number < NETWORKS:
            lines += [f"net{number}.tflite,int8,1,{time_of(file) * rng.uniform(0.97, 1.03):.5f}" for _ in range(2)]
    (place / "times.csv").write_text("# in ms\n" + "\n".join(lines) + "\n")
    return place


def test_a_shipped_device_becomes_one_of_the_project_and_estimates_what_was_not_measured(folder: Path) -> None:
    done = edgebuild(folder, "calibrate", "raspberry-pi-4", "times.csv", "--json")
    assert done.returncode == 0, done.stderr
    (table,) = json.loads(done.stdout)["tables"]
    assert (table["networks"], table["dtype"], table["threads"]) == (NETWORKS, "int8", 1), "two times of a file are one"
    assert table["after"]["error"] < 0.05 < table["before"]["error"]
    text = (folder / "devices" / "raspberry-pi-4.yaml").read_text()
    assert "calibration: raspberry-pi-4.calibration.json" in text
    assert load_device("raspberry-pi-4", folder).properties == {"cpu": "cortex-a72", "architecture": "aarch64"}
    for number in (NETWORKS, NETWORKS + 1):
        name = f"net{number}.tflite"
        shown = edgebuild(folder, "bench", name, "--device", "raspberry-pi-4", "--estimate", "--json")
        assert shown.returncode == 0, shown.stderr
        latency = json.loads(shown.stdout)["figures"][0]
        assert (latency["name"], latency["kind"], latency["confidence"]) == ("latency", "estimated", 0.9)
        assert latency["low"] <= time_of(folder / name) <= latency["high"]
        assert latency["value"] == pytest.approx(time_of(folder / name), rel=0.08)
    again = edgebuild(folder, "calibrate", "raspberry-pi-4", "times.csv", "--json")
    assert again.stdout == done.stdout, "the same times, the same table; and named once"
    assert (folder / "devices" / "raspberry-pi-4.yaml").read_text() == text


@needs_llvm
def test_an_emulated_boards_own_estimates_are_corrected(folder: Path, tmp_path: Path) -> None:
    skip_without_boards()
    board = load_device("raspberry-pi-4-emulated", tmp_path)
    (tmp_path / "times.csv").write_text(
        HEAD + "".join(f"{folder / f'net{number}.tflite'},int8,1,{1 + number}\n" for number in range(3))
    )
    done = calibrate(board, tmp_path / "times.csv", tmp_path)
    save_calibration(done.calibration, board, "raspberry-pi-4-emulated", tmp_path)
    (fitted,) = done.corrections
    assert (fitted.correction.dtype, fitted.correction.threads, fitted.correction.networks) == ("int8", 1, 3)
    assert fitted.correction.factor > 2, "these times are far from those of any board"
    assert fitted.inside == 0
    other = folder / f"net{NETWORKS}.tflite"
    before, after = (
        {figure["name"]: figure for figure in bench_file(other, device, [], BoardSettings())["figures"]}
        for device in (board, load_device("raspberry-pi-4-emulated", tmp_path))
    )
    assert after["latency"]["value"] == pytest.approx(fitted.correction.factor * before["latency"]["value"], rel=0.02)
    assert after["latency_all_cores"]["value"] == pytest.approx(before["latency_all_cores"]["value"], rel=0.02)
    assert after["energy"]["value"] > 2 * before["energy"]["value"], "it follows from the time"
    assert (before["latency"]["confidence"], after["latency"]["confidence"]) == (0.9, 0.75)


def test_a_device_file_of_any_place_is_given_by_its_path_and_left_alone_where_a_line_does_not_fit(folder: Path) -> None:
    lab = folder / "lab"
    lab.mkdir()
    (lab / "pi.yaml").write_text("name: bench-pi\ntransport: local\n")
    done = edgebuild(folder, "calibrate", "lab/pi.yaml", "times.csv")
    assert done.returncode == 0, done.stderr
    assert (lab / "pi.calibration.json").is_file()
    assert load_device("lab/pi.yaml", folder).calibration == str(folder / "lab" / "pi.calibration.json")
    braces = "{name: bench-pi, transport: local}\n"
    (lab / "braces.yaml").write_text(braces)
    done = edgebuild(folder, "calibrate", "lab/braces.yaml", "times.csv")
    assert done.returncode == 2
    assert "write it there yourself: calibration: braces.calibration.json" in done.stderr
    assert (lab / "braces.yaml").read_text() == braces


def test_without_a_calibration_nothing_is_estimated(folder: Path) -> None:
    done = edgebuild(folder, "bench", "net0.tflite", "--device", "raspberry-pi-5", "--estimate")
    assert done.returncode == 2
    assert "device 'raspberry-pi-5' has no calibration" in done.stderr
    assert "edgebuild calibrate raspberry-pi-5" in done.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model,dtype,thread,ms\n", "1:13: unknown column 'thread'; did you mean 'threads'?"),
        ("model,dtype,threads\n", "1:1: has no column ms"),
        ("", "1:1: is empty; expected the columns model,dtype,threads,ms"),
        ("net0.tflite,int8,1", "2:18: has 3 values, expected 4"),
        ("net0.tflite,in8,1,2", "2:13: dtype: unknown dtype 'in8'; did you mean 'int8'?"),
        ("net0.tflite,int8,0,2", "2:18: threads: expected a whole number of at least 1"),
        ("net0.tflite,int8,1,-2", "2:20: ms: expected the ms of an inference, above 0"),
        ("net0.tflite,int8,1,nan", "2:20: ms: expected the ms of an inference, above 0"),
        ("net99.tflite,int8,1,2", "2:1: model: no such file: net99.tflite"),
        ("phone,int8,1,2", "2:1: model: neither a .tflite or .pte file nor a built target"),
        ("net0.tflite,fp32,1,2", "2:13: dtype: found fp32; most weights of net0.tflite are int8"),
        ("broken.tflite,int8,1,2", "2:1: model: broken.tflite is not a .tflite file"),
        ("net0.tflite,int8,1,2", "2:1: model: 1 measured with int8 and 1 threads; a fit needs 3"),
    ],
)
def test_a_wrong_table_is_refused_with_the_place(folder: Path, text: str, message: str) -> None:
    (folder / "broken.tflite").write_bytes(b"no model at all")
    (folder / "bad.csv").write_text(text if not text or text.endswith("\n") else f"{HEAD}{text}\n")
    with pytest.raises(ConfigError) as raised:
        calibrate(load_device("raspberry-pi-3", folder), folder / "bad.csv", folder)
    assert f"bad.csv:{message}" in str(raised.value).replace(f"{folder}/", "")


def test_all_problems_are_told_at_once(folder: Path) -> None:
    (folder / "bad.csv").write_text("model,dtype,threads,ms\nnet0.tflite,in8,0,2\nnet1.tflite,int8,1,x\n")
    done = edgebuild(folder, "calibrate", "raspberry-pi-3", "bad.csv")
    assert done.returncode == 2
    assert not (folder / "devices" / "raspberry-pi-3.yaml").exists(), "nothing is written"
    assert [text in done.stderr for text in ("2:13", "2:17", "3:20")] == [True] * 3


def test_a_damaged_calibration_is_told(folder: Path) -> None:
    (folder / "devices").mkdir(exist_ok=True)
    device = "name: odd\ntransport: ssh\noptions: {host: h, user: u}\ncalibration: odd.json\n"
    (folder / "devices" / "odd.yaml").write_text(device)
    missing = edgebuild(folder, "bench", "net0.tflite", "--device", "odd", "--estimate")
    assert "odd.yaml:4:14: calibration: no such file" in missing.stderr
    (folder / "devices" / "odd.json").write_text("{}")
    empty = edgebuild(folder, "bench", "net0.tflite", "--device", "odd", "--estimate")
    assert "odd.json is not a calibration: expected the keys" in empty.stderr
    assert (missing.returncode, empty.returncode) == (2, 2)


def test_quotes_and_blanks_of_a_line_are_undone_and_columns_counted() -> None:
    cells = [(cell.text, cell.column) for cell in cells_of('"a,""b""", int8,,3')]
    assert cells == [('a,"b"', 2), ("int8", 12), ("", 17), ("3", 18)]


def test_the_amounts_of_a_file_are_its_shapes(folder: Path) -> None:
    file = folder / "shape.tflite"
    batch = LayerBatch(1)
    batch.depthwise((6, 6), 8, clamp=RELU, source=batch.convolve((6, 6), (4, 8), kernel=(3, 3), clamp=RELU))
    file.write_bytes(batch.build())
    found = amounts_of(file_workload(file))
    assert found["convolution MMAC"] == pytest.approx(36 * 9 * 4 * 8 / 1e6)
    assert found["depthwise MMAC"] == pytest.approx(36 * 9 * 8 / 1e6)
    assert found["convolution MB"] == pytest.approx((36 * 4 + 36 * 8 + 9 * 4 * 8 + 8 * 4) / 1e6)
    assert {name for name in found if "operations" in name} == {"convolution operations", "depthwise operations"}
