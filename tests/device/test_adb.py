"""What only adb does, against Debian's own adbd, reached by Android's own adb; the rest is in `test_contract.py`."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from edgebuild.config.device import Device
from edgebuild.device.connect import reach_of
from edgebuild.device.transport import Transport
from edgebuild.errors import DeviceError, ToolError
from tests.device.adbd import Phone, adb_server, own_network, skip_without_adbd
from tests.device.peers import started
from tests.device.strangers import Mute, Unauthorizing
from tests.device.waiting import eventually


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    skip_without_adbd()
    with own_network(), adb_server(tmp_path_factory.mktemp("adb")):
        yield


@pytest.fixture(scope="module")
def running(network: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Phone]:
    with started(Phone(tmp_path_factory.mktemp("phone"))) as phone:
        yield phone


@pytest.fixture
def own(network: None, tmp_path: Path) -> Iterator[Phone]:
    """A phone that a test may stop."""
    with started(Phone(tmp_path / "phone", port=15557)) as phone:
        yield phone


def device(phone: Phone, **changes: object) -> Device:
    return Device(name="phone", transport="adb", options=phone.options(**changes))


def open_board(phone: Phone, **changes: object) -> Transport:
    reach = reach_of(device(phone, **changes))
    return reach.kind.open("phone", reach.options)


def test_a_device_that_hangs_is_gone_when_the_time_of_a_program_is_over(
    own: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edgebuild.device.adb.STOP_SECONDS", 0.5)
    board = open_board(own)

    def freeze() -> None:
        assert eventually(lambda: list(own.home.glob("work-*/started")))
        os.kill(own.adbd, signal.SIGSTOP)

    freezing = threading.Thread(target=freeze)
    freezing.start()
    try:
        with pytest.raises(DeviceError, match=r"'phone' is gone: .* to stop 'sh': it did not answer for 0\.5 s"):
            board.run(["sh", "-c", "touch started; sleep 600; true"], timeout=3)
    finally:
        freezing.join()
        os.kill(own.adbd, signal.SIGCONT)
        board.close()


def test_a_folder_that_cannot_be_made_is_named(running: Phone) -> None:
    with pytest.raises(DeviceError, match="device 'phone': cannot make the folder /proc/edgebuild"):
        open_board(running, folder="/proc/edgebuild")


def test_a_device_that_is_not_there_is_named_with_those_that_are(running: Phone) -> None:
    open_board(running).close()
    with pytest.raises(DeviceError, match=rf"device 'phone' is not there: 0A1B2C: adb has {running.serial} \(device\)"):
        open_board(running, serial="0A1B2C")
    with pytest.raises(DeviceError, match=r"is not there: 127\.0\.0\.1:9: failed to connect to .*: Connection refused"):
        open_board(running, serial="127.0.0.1:9", connect_timeout="1 s")


def test_a_device_that_does_not_trust_this_machine_is_named(running: Phone) -> None:
    with Unauthorizing() as stranger:
        with pytest.raises(DeviceError, match=r"does not trust this machine \(adb says unauthorized\)") as caught:
            open_board(running, serial=stranger.serial)
        assert stranger.keys > 0, "adb showed the public key of this machine"
    assert "allow USB debugging" in str(caught.value.remedy)


def test_a_device_that_says_nothing_is_named(running: Phone) -> None:
    with Mute() as stranger, pytest.raises(DeviceError, match=r"device 'phone'.* (did not|does not) answer"):
        open_board(running, serial=stranger.serial, connect_timeout="1 s")


def test_a_server_of_another_machine_is_not_started_here(network: None) -> None:
    options = {"serial": "0A1B2C", "server_host": "localhost.localdomain.invalid", "server_port": 5038}
    reach = reach_of(Device(name="phone", transport="adb", options=options))
    with pytest.raises(ToolError, match=r"no adb server answers on localhost\.localdomain\.invalid:5038"):
        reach.kind.open("phone", reach.options)
