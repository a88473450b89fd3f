"""Time of each operation on a device: every one of them, in one more process, and never at the cost of the rest."""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from edgebuild.bench.board.measure import measure_on_device
from edgebuild.bench.board.operations import LEAST_RUNS, MOST_RUNS, runs_for
from edgebuild.bench.board.place import place
from edgebuild.bench.board.settings import BoardSettings
from edgebuild.config.device import Device
from edgebuild.config.read_device import load_device
from edgebuild.device.connect import connected
from edgebuild.device.cores import Placement
from edgebuild.device.local import LocalTransport
from edgebuild.device.transport import Completed
from edgebuild.errors import ToolError
from edgebuild.runtime.litert_cuts import cut_into_operations
from tests.device.boards import skip_without_boards
from tests.device.sshd import Server, needs_sshd, new_server
from tests.device.waiting import eventually
from tests.mcu_kernels.layers import NONE, RELU, LayerBatch

ROOT = Path(__file__).resolve().parents[2]
FEW = BoardSettings(runs=20, processes=2)
OPERATIONS = ["DEPTHWISE_CONV_2D", "CONV_2D", "CONV_2D", "FULLY_CONNECTED"]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A full-integer file of four operations, the second convolution by far the largest."""
    batch = LayerBatch(7)
    batch.depthwise((6, 6), 32, clamp=RELU)
    batch.convolve((5, 5), (16, 8), clamp=RELU)
    batch.convolve((24, 24), (32, 32), kernel=(3, 3), clamp=RELU)
    batch.connect(1, 32, 2, clamp=NONE)
    path = tmp_path_factory.mktemp("file") / "layers.tflite"
    path.write_bytes(batch.build())
    return path


@pytest.fixture(scope="module")
def samples(file: Path) -> dict[str, np.ndarray]:
    from ai_edge_litert.interpreter import Interpreter

    chance = np.random.default_rng(1)
    details = Interpreter(model_path=str(file)).get_input_details()
    return {one["name"]: chance.integers(-128, 128, (2, *one["shape"]), dtype=np.int8) for one in details}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = new_server(tmp_path_factory.mktemp("sshd"))
    running.start()
    yield running
    running.stop()


def over_ssh(server: Server, python: Path | str = sys.executable) -> Device:
    return Device(name="board", transport="ssh", options=server.options(python=str(python)))


@needs_sshd
def test_over_ssh_every_operation_is_measured_and_held_against_the_whole(
    server: Server, file: Path, samples: dict[str, np.ndarray]
) -> None:
    bench = measure_on_device(over_ssh(server), file, samples, FEW)
    profile = bench.profile
    assert [row["name"] for row in profile["operations"]] == OPERATIONS
    assert max(profile["operations"], key=lambda row: row["median_ms"]) == profile["operations"][2]
    assert profile["sum_ms"] == pytest.approx(sum(row["median_ms"] for row in profile["operations"]))
    assert profile["ratio"] == pytest.approx(profile["sum_ms"] / profile["whole_ms"])
    assert (profile["kind"], {row["runs"] for row in profile["operations"]}) == ("measured", {MOST_RUNS})
    assert profile["provenance"].startswith(
        "board, 1 thread, not pinned, median of 50 runs, one process: each operation alone"
    )
    assert [len(times) for times in bench.milliseconds] == [20, 20], "what is timed is what was timed before"
    assert server.work_folders() == []


def test_it_is_left_out_where_nobody_asks(file: Path, samples: dict[str, np.ndarray]) -> None:
    asked = BoardSettings(runs=20, processes=2, operations=False)
    bench = measure_on_device(load_device("host", ROOT), file, samples, asked)
    assert (bench.profile, {finding.code for finding in bench.findings} & {"operations-not-timed"}) == ({}, set())


def python_that(folder: Path, does: str) -> Path:
    """A Python for devices that does something else where it is asked for operations."""
    (folder / "python3").write_text(f'#!/bin/sh\n[ "$2" = cuts ] && {does}\nexec {sys.executable} "$@"\n')
    (folder / "python3").chmod(0o755)
    return folder / "python3"


def test_a_runtime_that_cannot_run_one_alone_costs_nothing_but_a_note(
    file: Path, samples: dict[str, np.ndarray], tmp_path: Path
) -> None:
    python = python_that(tmp_path, 'echo "no such kernel" >&2 && exit 9')
    device = Device(name="desk", transport="local", options={"python": str(python)})
    bench = measure_on_device(device, file, samples, FEW)
    (note,) = (finding for finding in bench.findings if finding.code == "operations-not-timed")
    assert note.severity == "note"
    assert note.message == (
        "the operations of layers.tflite were not timed on desk: layers.tflite does not run on the board "
        "(exit code 9): no such kernel"
    )
    assert bench.profile == {}
    assert bench.figures[0].value is not None


@needs_sshd
def test_a_device_that_goes_meanwhile_leaves_what_was_measured(
    file: Path, samples: dict[str, np.ndarray], tmp_path: Path
) -> None:
    board = new_server(tmp_path / "sshd")
    python = python_that(tmp_path, f"touch {tmp_path}/started && sleep 600")

    def pull_the_plug() -> None:
        assert eventually((tmp_path / "started").exists)
        board.stop()

    board.start()
    pulling = threading.Thread(target=pull_the_plug)
    pulling.start()
    bench = measure_on_device(over_ssh(board, python), file, samples, FEW)
    pulling.join()
    assert [finding.message for finding in bench.findings if "device 'board' is gone" in finding.message]
    assert (bench.profile, [len(times) for times in bench.milliseconds]) == ({}, [20, 20])


class Counting(LocalTransport):
    """This machine, and how often something was pushed to it."""

    pushes = 0
    last: object = None

    def push(self, source: Path, destination: str) -> None:
        self.pushes += 1
        super().push(source, destination)

    def run(self, argv: Sequence[str], timeout: float) -> Completed:
        """As ever; `last` is the cores that the program says it was on."""
        completed = super().run(argv, timeout)
        self.last = json.loads(completed.stdout)["cores"]
        return completed


def test_operations_travel_together(file: Path, samples: dict[str, np.ndarray]) -> None:
    transport = Counting("host")
    pinned = Placement(1, (max(os.sched_getaffinity(0)),))
    board = place(transport, load_device("host", ROOT), file, samples, pinned)
    before = transport.pushes
    assert [one.name for one in board.operations(3).operations] == OPERATIONS
    assert transport.pushes - before == 2, "what there is to do, and all operations"
    assert transport.last == list(pinned.cores)
    transport.close()


def test_the_oldest_runtime_does_it_too(file: Path, samples: dict[str, np.ndarray]) -> None:
    skip_without_boards("armhf")
    device = load_device("raspberry-pi-2-emulated", ROOT)
    with connected(device) as transport:
        report = place(transport, device, file, samples).operations(2)
    assert [one.name for one in report.operations] == OPERATIONS
    assert all(one.median_ms > 0 and one.runs == 2 for one in report.operations)


def test_an_input_that_does_not_fit_is_an_error_of_ours(
    file: Path, samples: dict[str, np.ndarray], tmp_path: Path
) -> None:
    wrong = {name: array[0, :, :0] for name, array in samples.items()}
    with pytest.raises(ToolError, match=r"the operations of layers\.tflite cannot be cut out: .*imension"):
        cut_into_operations(file, wrong, tmp_path / "bundle.zip")


def test_slow_files_are_run_less_often() -> None:
    assert (runs_for(0.01), runs_for(50), runs_for(100), runs_for(60_000)) == (MOST_RUNS, 50, 25, LEAST_RUNS)
