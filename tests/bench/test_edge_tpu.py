"""A file compiled for an Edge TPU on a device: the real way to the delegate, as far as one without an Edge TPU goes."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from edgebuild.bench.board.edge_tpu import is_compiled, source_of
from edgebuild.bench.board.measure import measure_on_device
from edgebuild.bench.board.standalone import BoardSettings, bench_file
from edgebuild.config.device import Device
from edgebuild.config.read_device import load_device
from edgebuild.errors import DeviceError
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
    assert source_of(file := compiled(tmp_path)) == (plain(tmp_path) if False else None)
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
    try:
        expect_no_accelerator(server.device("coral"), compiled(tmp_path))
    finally:
        server.stop()


def test_a_file_that_is_not_compiled_takes_no_delegate(tmp_path: Path) -> None:
    """The same way, so that what fails above fails for the Edge TPU's sake."""
    file = plain(tmp_path)
    samples = {"image": np.zeros((2, 1, 8, 8, 4), np.int8)}
    bench = measure_on_device(load_device("host", ROOT), file, samples, BoardSettings(runs=20, processes=2))
    assert {figure.name for figure in bench.figures} >= {"latency", "device_equal_outputs"}
    shutil.copyfile(file, tmp_path / "other.tflite")
