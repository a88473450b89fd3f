"""Where parameters lie: padding as measured on a real compiler, whole layers cached while they fit."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from edgebuild.check.accelerators.edge_tpu.report import EdgeTpuReport, report_on
from edgebuild.check.census.tflite import take_structure
from edgebuild.cli.inspect import inspect
from edgebuild.estimate.edge_tpu.layer import TpuLayer
from edgebuild.estimate.edge_tpu.memory import plan_cache, usable_bytes
from tests.edge_tpu.files import Net, image

MIB = 2**20


def five_convolutions(filters: int) -> EdgeTpuReport:
    """The network of the published sweep: 64 x 64 x 3, five 3 x 3 convolutions."""
    net = Net()
    x = image(net, (1, 64, 64, 3))
    for _ in range(5):
        x = net.convolution(x, filters)
    return report_on(take_structure(net.data(x), "net.tflite"))


def five_dense(hidden: int) -> EdgeTpuReport:
    """The network of the published sweep: 64 inputs, four hidden layers, 10 outputs."""
    net = Net()
    x = image(net, (1, 64))
    for units in (hidden, hidden, hidden, hidden, 10):
        x = net.dense(x, units)
    return report_on(take_structure(net.data(x), "net.tflite"))


@pytest.mark.parametrize(("filters", "on_chip"), [(32, 0.074951171875), (72, 0.32568359375), (112, 0.50146484375)])
def test_convolutions_take_what_the_compiler_said(filters: int, on_chip: float) -> None:
    plan = five_convolutions(filters).plan
    assert (plan.on_chip, plan.streamed) == (on_chip * MIB, 0)


@pytest.mark.parametrize(("hidden", "on_chip"), [(100, 0.050537109375), (260, 0.2734375), (420, 0.59130859375)])
def test_dense_layers_take_what_the_compiler_said(hidden: int, on_chip: float) -> None:
    plan = five_dense(hidden).plan
    assert (plan.on_chip, plan.streamed) == (on_chip * MIB, 0)


def layer(name: str, positions: int, mebibytes: float) -> TpuLayer:
    """A 1 x 1 convolution of so many MiB."""
    return TpuLayer(name, "convolution", positions, 1, 1024, int(1024 * mebibytes), 0, 0, 0)


def test_weights_that_are_used_least_stay_first_then_the_largest() -> None:
    layers = [layer("reused", 196, 1), layer("small", 49, 1), layer("large", 49, 3), layer("once", 1, 2)]
    plan = plan_cache(layers, 6 * MIB)
    assert [one.name for one in plan.streamed_layers] == ["reused"]
    assert [one.name for one in plan_cache(layers, int(5.5 * MIB)).streamed_layers] == ["reused", "small"]


def test_a_model_that_streams_is_left_with_less_than_one_that_fits() -> None:
    plane = 112 * 112
    fits, streams = [layer("a", plane, 6)], [layer("a", plane, 6), layer("b", plane, 6)]
    assert usable_bytes(streams) < usable_bytes(fits) < usable_bytes([layer("a", 1, 6)])


def test_a_depthwise_weight_takes_a_word_and_a_channel_a_bias_and_a_scale() -> None:
    net = Net()
    x = net.depthwise(image(net, (1, 16, 16, 100)))
    report = report_on(take_structure(net.data(x), "net.tflite"))
    assert report.plan.on_chip == (9 * 4 + 4 + 4) * 128


def test_a_bias_of_a_matrix_takes_eight_bytes_an_output() -> None:
    net = Net()
    weight = net.weight([10, 64])
    bias = net.tensor([10], "int32", stored=range(10), scales=1)
    y = net.operation("FULLY_CONNECTED", [image(net, (1, 64)), weight, bias], [net.tensor((1, 10))], 4)
    assert report_on(take_structure(net.data(y), "net.tflite")).plan.on_chip == (64 + 8) * 64


def test_stored_numbers_of_arithmetic_are_streamed_however_much_room_there_is() -> None:
    net = Net()
    factors = net.tensor((4608,), stored=[1] * 4608)
    y = net.operation("MUL", [image(net, (1, 2, 2, 4608)), factors], [net.tensor((1, 2, 2, 4608))])
    report = report_on(take_structure(net.data(y), "net.tflite"))
    assert (report.plan.on_chip, report.plan.streamed) == (0, 16 * 4608)
    assert report.plan.overflow == report.pipelines == ()
    assert len(report.repairs) == 1
    assert "always streamed" in report.repairs[0]


def test_what_does_not_fit_is_streamed_by_whole_layers() -> None:
    report = five_dense(1620)
    assert report.plan.on_chip / MIB == pytest.approx(5.34, abs=0.005)
    assert report.plan.streamed / MIB == pytest.approx(2.57, abs=0.005)
    assert len(report.plan.streamed_layers) == 1
    assert any(repair.startswith("shrink the parameters by") for repair in report.repairs)


def test_channels_that_waste_memory_are_named() -> None:
    repairs = five_convolutions(132).repairs
    assert any("use output channels in multiples of 64 in 4 layers" in repair for repair in repairs)
    assert five_convolutions(128).repairs == ()


def test_figures_say_that_they_are_estimated_and_how_sure_they_are() -> None:
    figures = {figure.name: figure for figure in five_dense(1620).figures}
    on_chip = figures["on_chip_parameters"]
    assert on_chip.kind == "estimated"
    assert on_chip.low is not None
    assert on_chip.high is not None
    assert on_chip.value is not None
    assert on_chip.low <= on_chip.value <= on_chip.high
    assert "the compiler itself was not run" in on_chip.provenance


def test_scratch_is_what_lives_at_once() -> None:
    net = Net()
    x = image(net, (1, 8, 8, 4))
    left = net.convolution(x, 8)
    right = net.convolution(x, 8)
    both = net.operation("ADD", [left, right], [net.tensor((1, 8, 8, 8))])
    assert report_on(take_structure(net.data(both), "net.tflite")).scratch == 64 * (8 + 8 + 8)


def run(*arguments: str) -> tuple[int, str]:
    app = typer.Typer()
    app.command()(inspect)
    result = CliRunner().invoke(app, list(arguments), env={"COLUMNS": "160"})
    return result.exit_code, result.stdout


def test_inspect_prints_it_for_people_and_as_json(tmp_path: Path) -> None:
    net = Net()
    swish = net.operation("HARD_SWISH", [net.convolution(image(net), 8)], [net.tensor((1, 8, 8, 8))])
    path = net.write(tmp_path / "net.tflite", swish)
    code, page = run(str(path), "--target", "edge-tpu")
    assert code == 0
    for words in ("1 of 2 operations on the Edge TPU", "estimated offline", "HARD_SWISH", "what to do", "RELU6"):
        assert words in page
    _, text = run(str(path), "-t", "edge-tpu", "--json")
    facts = json.loads(text)
    assert (facts["mapped"], facts["on_cpu"]) == (1, 1)
    assert facts["partition"]["reason"] == "is not among the supported operations"
    assert facts["parameters"]["on_chip"] > 0


def test_a_large_file_takes_less_than_two_seconds_of_work(tmp_path: Path) -> None:
    net = Net()
    x = image(net, (1, 64))
    for units in (4096, 4096, 4096, 10):
        x = net.dense(x, units)
    path = net.write(tmp_path / "large.tflite", x)
    assert path.stat().st_size > 33e6
    start = time.process_time()
    assert run(str(path), "-t", "edge-tpu", "--json")[0] == 0
    assert time.process_time() - start < 2
