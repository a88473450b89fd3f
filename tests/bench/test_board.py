"""A file on a board: the same outputs as here, counts that repeat, and the same record over every transport."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from edgebuild.bench.board import energy, reference
from edgebuild.bench.board.compare import CODE, compare_with_host, host_outputs, promises_equal_outputs
from edgebuild.bench.board.litert import LiteRTOnBoard
from edgebuild.bench.board.measure import BoardBench, measure_on_device
from edgebuild.bench.board.run import BoardRun
from edgebuild.bench.board.settings import BoardSettings
from edgebuild.bench.power.measure import EnergySettings
from edgebuild.config.device import Device, Power
from edgebuild.config.read_device import load_device
from edgebuild.errors import DeviceError
from tests.arm.llvm import needs_llvm
from tests.device.boards import skip_without_boards
from tests.device.sshd import Server, needs_sshd, new_server
from tests.mcu_kernels.layers import NONE, RELU, LayerBatch

ROOT = Path(__file__).resolve().parents[2]
SIZES = ((6, 6, 32), (5, 5, 16), (32,))


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A full-integer file with a depthwise, a pointwise and a fully connected layer."""
    batch = LayerBatch(7)
    batch.depthwise((6, 6), 32, clamp=RELU)
    batch.convolve((5, 5), (16, 8), clamp=RELU)
    batch.connect(1, 32, 2, clamp=NONE)
    path = tmp_path_factory.mktemp("file") / "layers.tflite"
    path.write_bytes(batch.build())
    return path


@pytest.fixture(scope="module")
def samples(file: Path) -> dict[str, np.ndarray]:
    from ai_edge_litert.interpreter import Interpreter

    chance = np.random.default_rng(1)
    details = Interpreter(model_path=str(file)).get_input_details()
    return {
        one["name"]: chance.integers(-128, 128, (5, *one["shape"]), dtype=np.int8)  # 5 samples
        for one in details
    }


def emulated(name: str, file: Path, samples: dict[str, np.ndarray]) -> BoardBench:
    skip_without_boards()
    return measure_on_device(load_device(name, ROOT), file, samples)


@pytest.fixture(scope="module")
def on_a72(file: Path, samples: dict[str, np.ndarray]) -> BoardBench:
    return emulated("raspberry-pi-4-emulated", file, samples)


def test_an_integer_file_gives_the_same_bits_on_the_emulated_board(on_a72: BoardBench, file: Path) -> None:
    assert promises_equal_outputs(file)
    equal = [figure for figure in on_a72.figures if figure.name == "device_equal_outputs"]
    assert [figure.value for figure in equal] == [100.0] * 3
    assert {finding.code for finding in on_a72.findings} == {"device-runs"}
    assert all(len(np.unique(array)) > 3 for array in on_a72.outputs.values()), "outputs that say something"


def test_counts_are_the_same_in_another_run_and_differ_between_cores(
    on_a72: BoardBench, file: Path, samples: dict[str, np.ndarray]
) -> None:
    assert emulated("raspberry-pi-4-emulated", file, samples).instructions == on_a72.instructions
    a76 = emulated("raspberry-pi-5-emulated", file, samples)
    assert a76.figures[0].value is not None
    assert on_a72.figures[0].value is not None
    assert a76.figures[0].value < on_a72.figures[0].value, "the A76 has instructions for dot products"
    assert a76.outputs.keys() == on_a72.outputs.keys()


def test_a_board_of_32_bits_runs_the_old_runtime_and_counts_the_same_in_another_run(
    file: Path, samples: dict[str, np.ndarray]
) -> None:
    skip_without_boards("armhf")
    device = load_device("raspberry-pi-2-emulated", ROOT)
    first, second = (measure_on_device(device, file, samples) for _ in range(2))
    assert first.instructions == second.instructions
    assert (first.figures[0].kind, first.conditions["before"]["architecture"]) == ("emulated", "armv7l")
    assert {finding.code for finding in first.findings} == {"device-runs", "time-not-estimated"}
    here = measure_on_device(load_device("host", ROOT), file, samples, BoardSettings(runs=20, processes=2))
    for name, array in first.outputs.items():
        steps = np.abs(array.astype(int) - here.outputs[name])
        assert steps.max() <= 1, "other kernels may round otherwise"
        assert (steps == 0).mean() > 0.95


def test_counts_are_labelled_and_emulated_times_are_not_shown(on_a72: BoardBench) -> None:
    figure = on_a72.figures[0]
    assert (figure.name, figure.unit, figure.kind) == ("instructions", "instructions", "emulated")
    assert "an emulated cortex-a72, 1 thread: QEMU" in figure.provenance
    assert on_a72.milliseconds == ()
    assert {one.kind for one in on_a72.figures} == {"emulated", "estimated", "exact"}


@needs_llvm
def test_time_is_estimated_with_an_interval_and_says_which_kernels_take_it(on_a72: BoardBench) -> None:
    one, all_cores = (figure for figure in on_a72.figures if figure.unit == "ms")
    assert (one.name, one.kind, one.confidence) == ("latency", "estimated", 0.9)
    assert all_cores.name == "latency_all_cores"
    for figure in (one, all_cores):
        assert figure.low is not None
        assert figure.value is not None
        assert figure.high is not None
        assert 0 < figure.low < figure.value < figure.high < 5, "ms, of 17,000 multiply-adds and the call"
    counted = on_a72.figures[0].value
    assert counted is not None
    profile = on_a72.profile
    assert profile["instructions"] == pytest.approx(counted, rel=0.2), "an early run of one program"
    assert sum(profile["kinds"].values()) == profile["instructions"]
    assert profile["scheduler"].endswith(", cortex-a72")
    assert 0.2 < profile["cycles"] / profile["instructions"] < 3
    assert len(profile["missed"]) == len(profile["caches"]) == 4
    assert any(kernel["name"].startswith("xnn_qs8") for kernel in profile["kernels"])
    shares = [kernel["share"] for kernel in profile["kernels"]]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) < 100.1


def test_without_llvm_time_is_missing_and_says_how_to_get_it(
    file: Path, samples: dict[str, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    skip_without_boards()
    for folder in reversed(os.environ["PATH"].split(os.pathsep)):
        for program in Path(folder).glob("*"):
            if not program.name.startswith("llvm-"):
                (tmp_path / program.name).unlink(missing_ok=True)
                (tmp_path / program.name).symlink_to(program)
    monkeypatch.setenv("PATH", str(tmp_path))
    bench = emulated("raspberry-pi-4-emulated", file, samples)
    times = [figure for figure in bench.figures if figure.unit == "ms"]
    assert [figure.value for figure in times] == [None, None]
    (note,) = (finding for finding in bench.findings if finding.code == "time-not-estimated")
    assert note.severity == "note"
    assert "llvm-mc-19 is missing" in note.message
    assert "apt-get install -y --no-install-recommends llvm-19" in note.message
    assert bench.profile == {}
    assert bench.instructions, "counts are as good without"


def test_one_other_number_is_found(on_a72: BoardBench) -> None:
    name, array = next(iter(on_a72.outputs.items()))
    other = array.copy()
    other.flat[3] ^= 1
    figures, findings = compare_with_host({name: array}, {name: other}, ("here", "there"), exact=True)
    assert [(finding.code, finding.severity) for finding in findings] == [(CODE, "fatal")]
    assert f"1 of {array.size} numbers differ" in findings[0].message
    assert figures[0].value == pytest.approx(100 * (1 - 1 / array.size))
    assert compare_with_host({name: array}, {name: other}, ("here", "there"), exact=False)[1][0].severity == "note"


FEW = BoardSettings(runs=20, processes=2, operations=False)


def test_a_device_whose_integers_are_not_this_hosts_fails(
    file: Path, samples: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    def one_step_off(*given: Any) -> dict[str, np.ndarray]:
        outputs = host_outputs(*given)
        next(iter(outputs.values())).flat[3] ^= 1
        return outputs

    monkeypatch.setattr(reference, "host_outputs", one_step_off)
    bench = measure_on_device(load_device("host", ROOT), file, samples, FEW)
    found = {finding.code: finding.severity for finding in bench.findings}
    assert found[CODE] == "fatal", "every operation is an integer one: a step is no rounding"


def test_a_device_that_gives_other_outputs_in_another_process_fails(
    file: Path, samples: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = LiteRTOnBoard.run
    digests = iter("ab")

    def moody(*given: Any) -> BoardRun:
        return replace(run(*given), outputs_sha256=next(digests))

    monkeypatch.setattr(LiteRTOnBoard, "run", moody)
    bench = measure_on_device(load_device("host", ROOT), file, samples, FEW)
    (vary,) = (finding for finding in bench.findings if finding.code == "device-outputs-vary")
    assert vary.severity == "fatal"
    assert "the same input gave different outputs in 2 processes on host" in vary.message


def test_a_meter_that_is_not_there_is_told_before_anything_is_timed(
    file: Path, samples: dict[str, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LiteRTOnBoard, "run", lambda *_: pytest.fail("it was timed"))
    with pytest.raises(DeviceError):
        measure_on_device(metered(tmp_path), file, samples, FEW)


def test_a_meter_that_is_lost_leaves_energy_missing_and_keeps_the_times(
    file: Path, samples: dict[str, np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "intel-rapl:0"
    package.mkdir()
    for name, content in (("name", "package-0"), ("energy_uj", "5"), ("max_energy_range_uj", "999999")):
        (package / name).write_text(content + "\n")
    run = LiteRTOnBoard.run

    def unplugs(*given: Any, **named: Any) -> BoardRun:
        if named:  # the loop that is measured
            (package / "energy_uj").unlink()
            (package / "energy_uj").mkdir()
        return run(*given, **named)

    monkeypatch.setattr(LiteRTOnBoard, "run", unplugs)
    monkeypatch.setattr(energy, "settings_for", lambda _: EnergySettings(loop=0.3, idle=0.2, settle=0.1))
    bench = measure_on_device(metered(tmp_path), file, samples, FEW)
    figures = {figure.name: figure for figure in bench.figures}
    assert figures["energy"].value is None
    assert figures["latency"].value is not None
    (lost,) = (finding for finding in bench.findings if finding.code == "energy-not-measured")
    assert lost.severity == "fatal"


def metered(root: Path) -> Device:
    power = Power(meter="rapl", options={"root": str(root), "period": "10 ms"})
    return load_device("host", ROOT).model_copy(update={"power": power})


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = new_server(tmp_path_factory.mktemp("sshd"))
    running.start()
    yield running
    running.stop()


@needs_sshd
def test_over_ssh_it_is_timed_with_an_interval_and_the_record_is_the_same(
    server: Server, file: Path, samples: dict[str, np.ndarray]
) -> None:
    device = Device(name="board", transport="ssh", options=server.options(python=sys.executable))
    bench = measure_on_device(device, file, samples, BoardSettings(runs=40, processes=2))
    latency = bench.figures[0]
    assert (latency.name, latency.unit, latency.kind) == ("latency", "ms", "measured")
    assert latency.low is not None
    assert latency.high is not None
    assert latency.value is not None
    assert 0 <= latency.low <= latency.value <= latency.high
    assert "40 runs in each of 2 processes" in latency.provenance
    assert [len(times) for times in bench.milliseconds] == [40, 40]
    assert [figure.value for figure in bench.figures if figure.name == "device_equal_outputs"] == [100.0] * 3
    here = measure_on_device(load_device("host", ROOT), file, samples, BoardSettings(runs=40, processes=2))
    assert here.to_json().keys() == bench.to_json().keys()
    assert [one.name for one in here.figures] == [one.name for one in bench.figures]


@needs_sshd
def test_a_board_without_the_runtime_is_told_what_it_lacks(
    server: Server, file: Path, samples: dict[str, np.ndarray], tmp_path: Path
) -> None:
    (tmp_path / "python3").write_text(f'#!/bin/sh\nexec {sys.executable} -I -S "$@"\n')
    (tmp_path / "python3").chmod(0o755)
    device = Device(name="board", transport="ssh", options=server.options(python=str(tmp_path / "python3")))
    with pytest.raises(
        DeviceError, match=r"layers\.tflite does not run on the board .*No module named 'numpy'"
    ) as caught:
        measure_on_device(device, file, samples)
    assert "ai-edge-litert" in str(caught.value.remedy)
    assert server.work_folders() == []
