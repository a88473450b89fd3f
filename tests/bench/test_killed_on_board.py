"""A program that is killed on a board says nothing about what its runtime lacks."""

from __future__ import annotations

import pytest

from edgebuild.bench.board.run import require_success
from edgebuild.config.registries import TRANSPORTS
from edgebuild.errors import DeviceError

SELF = "kill -s KILL $$"


@pytest.mark.parametrize("program", [SELF, f"sh -c '{SELF}'; exit $?"])
def test_who_may_have_killed_it_is_named(program: str) -> None:
    kind = TRANSPORTS.get("local")
    host = kind.open("host", kind.parameters())
    completed = host.run(["sh", "-c", program], timeout=60)
    host.close()
    assert completed.exit_code in (-9, 137)
    with pytest.raises(DeviceError, match=r"model\.tflite was killed while it ran on the board") as caught:
        require_success(completed, "model.tflite", "see what the runtime there lacks: numpy")
    assert caught.value.remedy is not None
    assert "memory" in caught.value.remedy
    assert "numpy" not in caught.value.remedy
