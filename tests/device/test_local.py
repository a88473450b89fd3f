"""What only this machine does as a device, with real programs; the rest is in `test_contract.py`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edgebuild.config.registries import TRANSPORTS
from edgebuild.device.transport import Transport, require_properties
from edgebuild.errors import DeviceError


@pytest.fixture
def host() -> Iterator[Transport]:
    kind = TRANSPORTS.get("local")
    transport = kind.open("host", kind.parameters())
    yield transport
    transport.close()


def test_the_time_is_the_wall_time(host: Transport) -> None:
    completed = host.run(["sleep", "0.3"], timeout=10)
    assert 0.3 <= completed.seconds < 5


def test_a_program_for_another_machine_is_named(host: Transport, tmp_path: Path) -> None:
    program = tmp_path / "model-runner"
    program.write_bytes(bytes.fromhex("7f454c4602010100000000000000000002002800") + b"\0" * 100)
    program.chmod(0o755)
    host.push(program, "model-runner")
    with pytest.raises(DeviceError, match=r"device 'host': cannot start '\./model-runner': Exec format error"):
        host.run(["./model-runner"], timeout=60)


def test_the_working_folder_goes_when_the_connection_is_closed(tmp_path: Path) -> None:
    kind = TRANSPORTS.get("local")
    transport = kind.open("host", kind.parameters())
    folder = Path(transport.run(["pwd"], timeout=5).stdout.decode().strip())
    assert folder.is_dir()
    transport.close()
    assert not folder.exists()


def test_a_device_that_is_another_one_is_refused_with_all_differences() -> None:
    with pytest.raises(DeviceError) as caught:
        require_properties("pi", {"cpu": "cortex-a72", "cores": "4"}, {"cpu": "cortex-a53"})
    assert "cpu: cortex-a53, expected cortex-a72; cores: not told, expected 4" in str(caught.value)
