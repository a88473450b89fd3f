"""A file compiled for an Edge TPU on a device: the real way to the delegate, as far as one without an Edge TPU goes."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from edgebuild.bench.board.edge_tpu import is_compiled, source_of
from edgebuild.bench.board.measure import measure_on_device
from edgebuild.bench.board.settings import BoardSettings
from edgebuild.bench.board.standalone import bench_file
from edgebuild.config.device import Device
from edgebuild.config.read_device import load_device
from edgebuild.errors import DeviceError, ToolError
from edgebuild.graph.stage import Stage, StageContext
from edgebuild.graph.stages.board import file_of
from edgebuild.progress import Silent
from tests.device.sshd import Server, needs_sshd, new_server
from tests.edge_tpu.files import Net, image

ROOT = Path(__file__).resolve().parents[2]


def compiled(folder: Path) -> Path:
    """A file as the compiler writes one: one operation that nothing but an Edge TPU knows."""
    net = Net()
    return net.write(folder / "net_edgetpu.tflite", net.custom("edgetpu-custom-op", image(net), (1, 8, 8, 4)))


def plain(folder: Path) -> Path:
    net = Net()
    return net.write(folder / "net.tflite", net.convolution(image(net), 4))


def test_a_compiled_file_is_told_by_what_is_in_it(tmp_path: Path) -> None:
    assert is_compiled(compiled(tmp_path))
    assert not is_compiled(plain(tmp_path))


def test_the_file_that_it_was_compiled_from_lies_beside_it(tmp_path: Path) -> None:
    file = compiled(tmp_path)
    assert source_of(file) is None
    source = plain(tmp_path)
    assert source_of(file) == source
    assert source_of(source) is None


def expect_no_accelerator(device: Device, file: Path) -> None:
    with pytest.raises(DeviceError) as raised:
        bench_file(file, device, (), BoardSettings(runs=20, processes=2))
    message = raised.value.message
    assert "net_edgetpu.tflite does not run on the board" in message
    assert "no accelerator answers here: " in message
    assert "libedgetpu.so.1" in message
    assert "attach the Edge TPU" in (raised.value.remedy or "")


def test_this_machine_without_one_says_so(tmp_path: Path) -> None:
    expect_no_accelerator(load_device("host", ROOT), compiled(tmp_path))


@needs_sshd
def test_a_device_over_ssh_without_one_says_so(tmp_path: Path) -> None:
    server: Server = new_server(tmp_path / "server")
    server.start()
    try:
        device = Device(name="coral", transport="ssh", options=server.options(python=sys.executable))
        expect_no_accelerator(device, compiled(tmp_path))
        assert server.work_folders() == []
    finally:
        server.stop()


def test_a_file_that_is_not_compiled_takes_no_delegate(tmp_path: Path) -> None:
    """The same way, so that what fails above fails for the Edge TPU's sake."""
    file = plain(tmp_path)
    samples = {"image": np.zeros((2, 1, 8, 8, 4), np.int8)}
    bench = measure_on_device(load_device("host", ROOT), file, samples, BoardSettings(runs=20, processes=2))
    assert {figure.name for figure in bench.figures} >= {"latency", "device_equal_outputs"}


def test_a_build_hands_over_the_compiled_file_and_says_where_there_is_none(tmp_path: Path) -> None:
    folders = {name: tmp_path / name for name in ("export", "verify", "output")}
    for folder in folders.values():
        folder.mkdir()
    plain(folders["export"])
    stage = Stage("coral/board", "board", {"accelerator": "edge-tpu"})
    context = StageContext(stage, folders, folders["output"], tmp_path, Silent())
    with pytest.raises(ToolError, match=r"what its compiler made of net\.tflite, and edgetpu_compiler was not on PATH"):
        file_of(context, "net.tflite")
    compiled(folders["verify"])
    assert is_compiled(file_of(context, "net.tflite"))
    assert sorted(path.name for path in folders["output"].iterdir()) == ["net.tflite", "net_edgetpu.tflite"]
    other = StageContext(Stage("pi/board", "board", {}), folders, folders["output"], tmp_path, Silent())
    assert file_of(other, "net.tflite") == folders["export"] / "net.tflite"
