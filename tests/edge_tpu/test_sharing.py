"""Several models on one Edge TPU, and one on several: by layers whose sizes are known, and through `inspect`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from edgebuild.check.accelerators.edge_tpu.report import report_on
from edgebuild.check.census.tflite import take_structure
from edgebuild.cli.inspect import inspect
from edgebuild.errors import ConfigError
from edgebuild.estimate.edge_tpu.layer import TpuLayer
from edgebuild.estimate.edge_tpu.memory import usable_bytes
from edgebuild.estimate.edge_tpu.sharing import pipeline_of, share_cache
from tests.edge_tpu.files import Net, image

MIB = 2**20


def dense(mebibytes: int, name: str = "fc") -> TpuLayer:
    """A matrix of so many MiB and hardly any activations."""
    return TpuLayer(name, "fully_connected", 1, 1, 1024, mebibytes * 1024, 1024, 1024, mebibytes * MIB)


def test_the_first_model_takes_what_it_needs_and_the_next_what_is_left() -> None:
    first, second = [dense(5)], [dense(2, "a"), dense(1, "b")]
    kept = share_cache([first, second])
    assert [(plan.on_chip, plan.streamed) for plan in kept] == [(5 * MIB, 0), (2 * MIB, MIB)]
    assert [layer.name for layer in kept[1].streamed_layers] == ["b"]
    swapped = share_cache([second, first])
    assert [(plan.on_chip, plan.streamed) for plan in swapped] == [(3 * MIB, 0), (0, 5 * MIB)]


def test_the_room_is_that_of_the_model_with_the_largest_plane() -> None:
    wide = TpuLayer("conv", "convolution", 112 * 112, 1, 4, 64, 2 * MIB, 2 * MIB, 256)
    assert usable_bytes([wide]) < usable_bytes([dense(1)])
    plans = share_cache([[dense(7)], [wide]])
    assert plans[0].usable == usable_bytes([wide])


def test_a_pipeline_is_cut_where_the_bytes_are_most_equal() -> None:
    layers = [dense(1), dense(1), dense(6), dense(2), dense(4)]
    pipeline = pipeline_of(layers, 2, lambda _place: 1024, "usb3")
    assert [(segment.first, segment.last) for segment in pipeline.segments] == [(0, 2), (3, 4)]
    three = pipeline_of(layers, 3, lambda _place: 1024, "usb3")
    assert [(segment.first, segment.last) for segment in three.segments] == [(0, 1), (2, 2), (3, 4)]
    assert (pipeline.streamed, three.streamed) == (MIB, 0)


def test_its_time_is_that_of_all_segments_and_its_pace_that_of_the_slowest() -> None:
    pipeline = pipeline_of([dense(6), dense(6), dense(3)], 2, lambda place: 1000 * (place + 1), "usb3")
    times = [segment.milliseconds for segment in pipeline.segments]
    assert pipeline.latency.middle == pytest.approx(sum(part.middle for part in times))
    assert pipeline.latency.low < pipeline.latency.middle < pipeline.latency.high
    assert pipeline.interval.middle == max(part.middle for part in times)


def large(units: int = 2304) -> tuple[Net, int]:
    """A net of wide matrices, and its output."""
    net = Net()
    x = net.operation("RESHAPE", [image(net, (1, 8, 8, 16))], [net.tensor((1, 1024))])
    for _ in range(3):
        x = net.dense(x, units)
    return net, net.dense(x, 10)


def test_a_model_that_does_not_fit_is_shown_on_several() -> None:
    net, output = large()
    report = report_on(take_structure(net.data(output), "net.tflite"))
    assert report.plan.streamed > 0
    facts = report.to_json()["pipelines"]
    assert [pipeline["edge_tpus"] for pipeline in facts] == list(range(2, len(facts) + 2))
    assert sum(segment["streamed"] for segment in facts[-1]["segments"]) < report.plan.streamed
    alone = next(figure.value for figure in report.figures if figure.name == "latency")
    assert alone is not None
    assert facts[-1]["interval_ms"]["middle"] < alone
    names = [name for segment in facts[0]["segments"] for name in segment["layers"]]
    assert names == [layer.name for layer in report.layers]
    net, output = large(64)
    assert report_on(take_structure(net.data(output), "net.tflite")).pipelines == ()


def test_inspect_takes_several_files(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(inspect)
    files = []
    for name, units in (("large", 2304), ("small", 64)):
        net, output = large(units)
        files.append(str(net.write(tmp_path / f"{name}.tflite", output)))
    done = CliRunner().invoke(app, [*files, "-t", "edge-tpu", "--json"], catch_exceptions=False)
    facts = json.loads(done.stdout)
    assert [model["file"].rpartition("/")[2] for model in facts["models"]] == ["large.tflite", "small.tflite"]
    assert facts["figures"][0]["value"] == sum(model["on_chip"] for model in facts["models"])
    assert facts["models"][0]["streamed"] == facts["models"][0]["streamed_alone"] > 0
    page = CliRunner().invoke(app, [*files, "-t", "edge-tpu"], env={"COLUMNS": "150"})
    assert "small.tflite" in page.stdout
    with pytest.raises(ConfigError, match="found 2 files, expected one; several can only be held against"):
        CliRunner().invoke(app, files, catch_exceptions=False)
    with pytest.raises(ConfigError, match="its compiler takes models one by one"):
        CliRunner().invoke(app, [*files, "-t", "ethos-u55-128"], catch_exceptions=False)
