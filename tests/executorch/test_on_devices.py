"""A .pte file on devices that are reached in different ways: the same bits, and the same record."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edgebuild.bench.board.place import place
from edgebuild.bench.board.settings import BoardSettings
from edgebuild.bench.board.standalone import bench_file, samples_for
from edgebuild.bench.board.standalone_pair import bench_pair
from edgebuild.config.device import Device
from edgebuild.config.read_device import load_device
from edgebuild.config.registries import FORMATS
from edgebuild.device.connect import connected
from edgebuild.device.cores import Placement
from edgebuild.errors import ConfigError, DeviceError, ToolError
from edgebuild.export.format import ExportRequest, read_export
from edgebuild.runtime.executorch_android import android_bundle
from edgebuild.runtime.executorch_bundle import bundle_for
from tests.device.adbd import Phone, adb_server, own_network, skip_without_adbd
from tests.device.boards import skip_without_boards
from tests.device.sshd import needs_sshd, new_server
from tests.executorch.workshop import Export
from tests.mcu_kernels.layers import RELU, LayerBatch

ROOT = Path(__file__).resolve().parents[2]
LAST = max(os.sched_getaffinity(0))
FEW = BoardSettings(runs=30, processes=2)


@pytest.fixture(scope="module")
def phone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Phone]:
    skip_without_adbd()
    with own_network(), adb_server(tmp_path_factory.mktemp("adb")):
        started = Phone(tmp_path_factory.mktemp("phone"))
        started.start()
        yield started
        started.stop()


@pytest.fixture(scope="module")
def over_adb(phone: Phone, file: Path) -> dict[str, Any]:
    device = Device(name="phone", transport="adb", options=phone.options())
    return bench_file(file, device, [], FEW)


@pytest.fixture(scope="module")
def file(export: Export) -> Path:
    return export("Residual", "int8").file


def test_over_adb_a_file_is_timed_and_gives_the_outputs_of_this_host(over_adb: dict[str, Any], phone: Phone) -> None:
    latency = over_adb["figures"][0]
    assert (latency["name"], latency["unit"], latency["kind"]) == ("latency", "ms", "measured")
    assert 0 < latency["low"] <= latency["value"] <= latency["high"]
    assert [len(times) for times in over_adb["milliseconds"]] == [30, 30]
    equal = [figure["value"] for figure in over_adb["figures"] if figure["name"] == "device_equal_outputs"]
    assert equal == [100.0]
    assert len(over_adb["conditions"]["during"]) == 1, "asked between the two processes too"
    assert phone.work_folders() == []


def test_the_runtime_itself_says_how_long_each_operation_takes_on_a_phone_and_on_another_processor(
    over_adb: dict[str, Any], file: Path
) -> None:
    rows = over_adb["profile"]["operations"]
    assert [row["layer"] for row in rows if row["name"].startswith("Conv") and "NHWC" in row["name"]] == [
        *("stem.0", "deep", "wide.0"),
    ]
    assert over_adb["profile"]["whole_ms"] > over_adb["profile"]["sum_ms"] > 0
    assert "ETDump" in over_adb["profile"]["provenance"]
    skip_without_boards()
    device = load_device("raspberry-pi-4-emulated", ROOT)
    with connected(device) as transport:
        report = place(transport, device, file, samples_for(file, [])).operations(3)
    assert [(one.name, one.layer) for one in report.operations] == [(row["name"], row["layer"]) for row in rows]
    assert 0 < report.ratio < 1
    assert {one.runs for one in report.operations} == {3}


def test_a_file_for_the_gpu_goes_to_the_phone_though_this_host_cannot_run_it(
    phone: Phone, request_for: Callable[..., ExportRequest]
) -> None:
    """This phone has no GPU: it is the phone's runtime that says so."""
    request = request_for("residual", "fp32")
    FORMATS.get("executorch-vulkan").run(request)
    device = Device(name="phone", transport="adb", options=phone.options())
    with pytest.raises(DeviceError, match=r"does not run on the board .*: cannot load file/model\.pte") as raised:
        bench_file(request.output / read_export(request.output).file, device, [], FEW)
    assert "built for Android with Vulkan" in (raised.value.remedy or "")
    assert phone.work_folders() == []


@needs_sshd
def test_the_record_is_the_same_over_ssh_and_on_an_emulated_board(
    over_adb: dict[str, Any], file: Path, tmp_path: Path
) -> None:
    skip_without_boards()
    server = new_server(tmp_path / "sshd")
    server.start()
    try:
        over_ssh = bench_file(file, Device(name="board", transport="ssh", options=server.options()), [], FEW)
    finally:
        server.stop()
    emulated = bench_file(file, load_device("raspberry-pi-4-emulated", ROOT), [], FEW)
    assert over_adb.keys() == over_ssh.keys() == emulated.keys()
    for part in ("conditions", "outputs_sha256"):
        assert over_adb[part].keys() == over_ssh[part].keys() == emulated[part].keys()
    assert [one["name"] for one in over_adb["figures"]] == [one["name"] for one in over_ssh["figures"]]
    assert over_adb["outputs_sha256"] == over_ssh["outputs_sha256"] == emulated["outputs_sha256"]
    assert (over_adb["transport"], over_ssh["transport"], emulated["transport"]) == ("adb", "ssh", "qemu-user")


def test_over_adb_a_file_is_pinned_to_a_core(phone: Phone, file: Path) -> None:
    device = Device(name="phone", transport="adb", options=phone.options())
    record = bench_file(file, device, [], replace(FEW, operations=False, cores=str(LAST)))
    assert record["conditions"]["cores"] == [LAST]
    assert f"1 thread pinned to core {LAST}, 30 runs" in record["figures"][0]["provenance"]


def test_threads_and_cores_are_those_that_were_asked_for(file: Path) -> None:
    device, samples = load_device("host", ROOT), samples_for(file)
    with connected(device) as transport:
        assert place(transport, device, file, samples, Placement(1, (LAST,))).run(20).milliseconds
        with pytest.raises(DeviceError, match=r"cannot pin to cores 1000: Invalid argument"):
            place(transport, device, file, samples, Placement(1, (1000,))).run(20)
        with pytest.raises(DeviceError, match=rf"cannot pin to cores {LAST},1000: only \[{LAST}\] are to be had"):
            place(transport, device, file, samples, Placement(1, (LAST, 1000))).run(20)


def test_a_pte_and_a_tflite_take_turns_on_one_device(file: Path, tmp_path: Path) -> None:
    batch = LayerBatch(3)
    batch.convolve((8, 8), (8, 8), clamp=RELU)
    other = tmp_path / "other.tflite"
    other.write_bytes(batch.build())
    record = bench_pair(file, other, load_device("host", ROOT), [], FEW)
    assert [record[part]["runtime"] for part in ("ours", "theirs")] == ["executorch", "litert"]
    assert [finding["code"] for finding in record["findings"]] == ["inputs-differ"]
    assert record["figures"][0]["low"] < record["figures"][0]["value"] < record["figures"][0]["high"]
    for part in ("ours", "theirs"):
        assert {one["value"] for one in record[part]["figures"] if one["name"] == "device_equal_outputs"} == {100.0}


def test_the_command_writes_the_record_of_a_phone(phone: Phone, file: Path, tmp_path: Path) -> None:
    (tmp_path / "devices").mkdir()
    description = f"name: my-phone\ntransport: adb\noptions: {{serial: '{phone.serial}'}}\n"
    (tmp_path / "devices" / "my-phone.yaml").write_text(description)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = ["-m", "edgebuild.cli.main", "bench", str(file), "--device", "my-phone", "--json", "--runs", "20"]
    done = subprocess.run(
        [sys.executable, *command, "--processes", "2"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / f"{file.name}.my-phone.json").read_text())
    assert record == json.loads(done.stdout)
    assert record["device"] == "my-phone"


ANDROID = {"architecture": "aarch64", "android": "14"}


def test_android_needs_its_ndk_and_an_executorch_built_with_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ANDROID_NDK", raising=False)
    with pytest.raises(ToolError, match="the device runs Android, and ANDROID_NDK is not set") as caught:
        bundle_for(ANDROID)
    assert "docs/devices.md" in str(caught.value.remedy)
    monkeypatch.setenv("ANDROID_NDK", str(tmp_path))
    with pytest.raises(ToolError, match=r"ANDROID_NDK is .*, which has no build/cmake/android\.toolchain\.cmake"):
        bundle_for(ANDROID)
    toolchain = tmp_path / "build" / "cmake" / "android.toolchain.cmake"
    toolchain.parent.mkdir(parents=True)
    toolchain.write_text("")
    monkeypatch.delenv("EXECUTORCH_ANDROID", raising=False)
    with pytest.raises(ToolError, match="the device runs Android, and EXECUTORCH_ANDROID is not set"):
        bundle_for(ANDROID)
    with pytest.raises(ConfigError, match="no ExecuTorch runner for Android on riscv64"):
        android_bundle("riscv64")
