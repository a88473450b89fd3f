"""A board over ssh that is hot, or slowed down meanwhile: it is waited for, and what it spoilt is run again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edgebuild.bench.board import cooling
from edgebuild.bench.board.measure import BoardBench, measure_on_device
from edgebuild.bench.board.settings import BoardSettings
from tests.bench.sys_board import SysBoard, sys_board
from tests.device.sshd import needs_sshd
from tests.mcu_kernels.layers import RELU, LayerBatch

pytestmark = needs_sshd
FEW = BoardSettings(20, 2, operations=False)
SAMPLES = {"t0": np.full((1, 1, 6, 6, 8), 5, np.int8)}
COOLS = "degrees=$(cat $heat); if [ $degrees -gt 45000 ]; then echo $((degrees - 10000)) >$heat; fi"
"""Each time that it is asked it is ten degrees cooler."""


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[SysBoard]:
    monkeypatch.setattr(cooling, "POLL_SECONDS", 0.01)
    with sys_board(tmp_path / "board") as started:
        yield started


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    batch = LayerBatch(3)
    batch.convolve((6, 6), (8, 8), clamp=RELU)
    path = tmp_path_factory.mktemp("file") / "net.tflite"
    path.write_bytes(batch.build())
    return path


def codes(bench: BoardBench) -> dict[str, str]:
    found = {finding.code: finding.severity for finding in bench.findings}
    return {code: severity for code, severity in found.items() if code.startswith("device-") and code != "device-runs"}


def test_a_cool_board_is_not_waited_for_and_nothing_is_run_again(board: SysBoard, file: Path) -> None:
    bench = measure_on_device(board.device(), file, SAMPLES, FEW)
    assert board.runs == 2
    assert bench.conditions["cooled_seconds"] == 0.0
    assert bench.conditions["before"]["throttled"] == "0x0"
    assert (codes(bench), bench.set_aside, bench.slowed) == ({}, (), ((), ()))


def test_a_hot_board_is_waited_for(board: SysBoard, file: Path) -> None:
    board.heat(95000)
    board.put("when-asked", COOLS)
    bench = measure_on_device(board.device(start_below="55 °C"), file, SAMPLES, FEW)
    before, after = (int(bench.conditions[moment]["temperature_millicelsius"]) for moment in ("before", "after"))
    assert before > 75000
    assert after < 55000
    assert 0 < bench.conditions["cooled_seconds"] < 60
    assert board.runs == 2
    assert codes(bench) == {}, "no process ran while it was hot"


def test_a_board_that_stays_warm_is_measured_after_a_while_and_that_is_said(board: SysBoard, file: Path) -> None:
    board.heat(63000)
    bench = measure_on_device(board.device(cool_within="0.1 s"), file, SAMPLES, FEW)
    (note,) = (finding for finding in bench.findings if finding.code == "device-warm")
    assert "a process began at 63 °C: board did not come below 60 °C in " in note.message
    assert codes(bench) == {"device-warm": "note"}
    assert bench.conditions["cooled_seconds"] == pytest.approx(0.1, abs=1.0), "in all, not for each process"
    assert bench.figures[0].value is not None


def test_a_board_that_does_not_get_cooler_is_not_waited_for_any_longer(
    board: SysBoard, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cooling, "STALL_SECONDS", 0.3)
    board.heat(90000)
    board.put("when-asked", "degrees=$(cat $heat); if [ $degrees -gt 66000 ]; then echo $((degrees - 5000)) >$heat; fi")
    bench = measure_on_device(board.device(), file, SAMPLES, FEW)
    assert 0.3 < bench.conditions["cooled_seconds"] < 60, "of 300"
    assert codes(bench) == {"device-warm": "note"}
    assert any("a process began at 65 °C" in finding.message for finding in bench.findings)


def test_a_process_in_which_the_board_was_throttled_is_run_again_when_it_has_cooled(
    board: SysBoard, file: Path
) -> None:
    board.put("after-1", f"echo 85000 >$heat; echo 0x40004 >{board.folder}/throttled")
    board.put("when-asked", f"{COOLS}; if [ $degrees -lt 70000 ]; then echo 0x40000 >{board.folder}/throttled; fi")
    bench = measure_on_device(board.device(), file, SAMPLES, FEW)
    assert board.runs == 3, "two that count, and one that was throttled"
    (spoilt,) = bench.set_aside
    assert (spoilt["number"], spoilt["slowed"]) == (0, ["get_throttled says 0x40004"])
    assert len(spoilt["milliseconds"]) == 20, "kept in the record, and marked"
    assert [len(times) for times in bench.milliseconds] == [20, 20]
    assert bench.slowed == ((), ())
    (note,) = (finding for finding in bench.findings if finding.code == "device-throttled-before")
    assert "1 process was run again because the device was slowed down (get_throttled says 0x40004)" in note.message
    assert codes(bench) == {"device-throttled-before": "note"}
    assert bench.conditions["cooled_seconds"] > 0
    assert bench.to_json()["set_aside"] == (spoilt,)


def test_a_board_that_remembers_a_short_throttling_is_run_again_without_waiting(board: SysBoard, file: Path) -> None:
    board.put("after-2", f"echo 0x20000 >{board.folder}/throttled")
    bench = measure_on_device(board.device(), file, SAMPLES, FEW)
    assert board.runs == 3
    assert [one["number"] for one in bench.set_aside] == [1]
    assert bench.conditions["cooled_seconds"] == 0.0
    assert codes(bench) == {"device-throttled-before": "note"}


def test_a_board_that_cannot_be_had_at_its_full_speed_fails(board: SysBoard, file: Path) -> None:
    board.put("after-1", f"echo 0x4 >{board.folder}/throttled")
    bench = measure_on_device(board.device(retries=2, cool_within="0.05 s"), file, SAMPLES, FEW)
    assert board.runs == 4, "two processes, and two that were run again in vain"
    assert codes(bench) == {"device-throttled": "fatal", "device-throttled-before": "note"}
    assert [len(one["milliseconds"]) for one in bench.set_aside] == [20, 20]
    assert bench.slowed == (("get_throttled says 0x4",),) * 2
    assert len(bench.milliseconds) == 2, "figures are there, of the slowed device, and the benchmark fails"


def test_the_kernels_own_cooling_counts_as_well(board: SysBoard, file: Path) -> None:
    state = board.folder / "sys/class/thermal/cooling_device0/cur_state"
    board.put("sys/class/thermal/cooling_device0/type", "thermal-cpufreq-0\n")
    board.put("sys/class/thermal/cooling_device0/cur_state", "0\n")
    board.put("after-1", f"echo 3 >{state}; touch {board.folder}/slowed")
    board.put("when-asked", f"if [ -f {board.folder}/slowed ]; then rm {board.folder}/slowed; else echo 0 >{state}; fi")
    bench = measure_on_device(board.device(), file, SAMPLES, FEW)
    assert board.runs == 3
    assert bench.set_aside[0]["slowed"] == ["the kernel cools by thermal-cpufreq-0"]
    assert codes(bench) == {"device-throttled-before": "note"}


def test_androids_thermal_status_counts_as_well(board: SysBoard, file: Path) -> None:
    board.program("getprop", "[ $1 = ro.build.version.release ] && echo 14 || echo")
    board.program(
        "dumpsys",
        f"""if [ -f {board.folder}/when-asked ]; then . {board.folder}/when-asked; fi
echo "Thermal Status: $(cat {board.folder}/status)"
echo "Current temperatures from HAL:"
echo "Temperature{{mValue=$(($(cat $heat) / 1000)).0, mType=0, mName=CPU0, mStatus=0}}\"""",
    )
    board.put("status", "0")
    board.put("after-2", f"echo 3 >{board.folder}/status; echo 71000 >$heat")
    board.put("when-asked", f"{COOLS}; if [ $degrees -lt 50000 ]; then echo 0 >{board.folder}/status; fi")
    bench = measure_on_device(board.device(), file, SAMPLES, FEW)
    assert board.runs == 3
    assert bench.set_aside[0]["slowed"] == ["Android's thermal status is severe"]
    assert int(bench.conditions["after"]["temperature_millicelsius"]) < 60000
    assert codes(bench) == {"device-throttled-before": "note"}
