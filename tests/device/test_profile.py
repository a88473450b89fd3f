"""Profiles of programs on an emulated board: every instruction, the same in every run, and caches that are caches."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edgebuild.config.read_device import load_device
from edgebuild.device.connect import connected
from edgebuild.device.linux_board import LinuxBoard
from edgebuild.device.qemu_profile import BlockProfile, cache_arguments, read_profile
from edgebuild.device.qemu_user import QemuUserTransport
from edgebuild.errors import ToolError
from tests.device.boards import skip_without_boards

ROOT = Path(__file__).resolve().parents[2]
LINE = 64
BYTES = 256 * 1024
"""Eight times the data cache of the board, a quarter of its last cache, as much as one of four threads has of that."""
PROGRAM = f"""
import os
def mark(number):
    try:
        os.sched_get_priority_max(0x5EED0000 + number)
    except OSError:
        pass
block = bytes({BYTES})
def work(passes):
    for _ in range(passes):
        block.count(1)
mark(0)
work(1)
mark(1)
work(1)
mark(2)
work(4)
mark(3)
mark(4)
mark(5)
"""
EMPTY = (4, 5)


@pytest.fixture(scope="module")
def board() -> Iterator[QemuUserTransport]:
    skip_without_boards()
    with connected(load_device("raspberry-pi-4-emulated", ROOT)) as transport:
        assert isinstance(transport, QemuUserTransport)
        yield transport


@pytest.fixture(scope="module")
def pushed(board: QemuUserTransport, tmp_path_factory: pytest.TempPathFactory) -> QemuUserTransport:
    file = tmp_path_factory.mktemp("program") / "passes.py"
    file.write_text(PROGRAM)
    board.push(file, file.name)
    return board


def profile(board: QemuUserTransport, marks: tuple[int, int]) -> BlockProfile:
    completed, found = board.run_profiled(["python3.11", "passes.py"], 120, marks, EMPTY)
    assert completed.exit_code == 0, completed.stderr
    return found


def test_a_profile_has_every_instruction_and_is_the_same_again(pushed: QemuUserTransport) -> None:
    first, second = profile(pushed, (1, 2)), profile(pushed, (1, 2))
    assert first.blocks == second.blocks
    counts = pushed.run_counted(["python3.11", "passes.py"], 120)[1]
    totals = dict(counts.calls)
    expected = totals[2] - totals[1] - (totals[5] - totals[4])
    assert first.instructions == pytest.approx(expected, abs=200), "two plugins, one program"
    assert any("libc" in file.path for file in first.files)
    assert sum(len(block.words) * block.times for block in first.blocks) == first.instructions


def test_what_is_larger_than_a_cache_misses_it_in_every_pass_and_what_fits_does_not(pushed: QemuUserTransport) -> None:
    lines = BYTES // LINE
    first, whole, half, quarter = profile(pushed, (2, 3)).missed
    assert 4 * lines <= first < 4.2 * lines, "32 KiB of data cache"
    assert whole < 0.05 * lines, "1 MiB holds it from the first pass on"
    assert half < 0.05 * lines
    assert quarter > whole, "256 KiB hold it, but little besides"


def test_caches_whose_sets_are_no_power_of_two_are_simulated_too(tmp_path: Path) -> None:
    skip_without_boards()
    device = load_device("raspberry-pi-4-emulated", ROOT)
    odd = {**device.options, "caches": {"l1_data": "33 KiB", "l2": "768 KiB"}}
    file = tmp_path / "passes.py"
    file.write_text(PROGRAM)
    lines = BYTES // LINE
    with connected(device.model_copy(update={"options": odd})) as transport:
        assert isinstance(transport, QemuUserTransport)
        transport.push(file, file.name)
        first, whole, half, quarter = profile(transport, (2, 3)).missed
    assert 4 * lines <= first < 4.2 * lines
    assert max(whole, half) < 0.05 * lines, "384 KiB hold it"
    assert 4 * lines <= quarter < 4.2 * lines, "192 KiB do not"


def test_a_mark_that_never_comes_is_an_error(pushed: QemuUserTransport) -> None:
    with pytest.raises(ToolError, match="the profiler of emulated programs did not finish"):
        pushed.run_profiled(["python3.11", "passes.py"], 120, (1, 2), (4, 99))


def test_a_file_that_is_cut_off_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "profile").write_text("B 16 1 0 0 8b020020\n")
    with pytest.raises(ToolError, match="did not finish: disk full"):
        read_profile(tmp_path / "profile", "disk full")
    with pytest.raises(ToolError, match="did not finish"):
        read_profile(tmp_path / "none")


def test_caches_are_those_of_the_board_and_none_where_it_says_none() -> None:
    sizes = {"l1_data": "64 KiB", "l2": "512 KiB", "l3": "2 MiB"}
    full = LinuxBoard.model_validate({"cpu": "cortex-a76", "caches": sizes})
    shares = ("cache=2097152:16", "cache=1048576:16", "cache=524288:16")
    assert cache_arguments(full) == ("cache=65536:4", *shares)
    assert cache_arguments(LinuxBoard.model_validate({"cpu": "cortex-a76"})) == ()
