"""Time and energy: against measured rows, and in the direction that physics gives."""

from __future__ import annotations

import pytest

from edgebuild.check.accelerators.edge_tpu.report import EdgeTpuReport, report_on
from edgebuild.check.census.tflite import take_structure
from edgebuild.estimate.edge_tpu.coefficients import coefficients
from edgebuild.estimate.edge_tpu.latency import LINKS, Inference, LatencyEstimate, estimate_latency
from edgebuild.estimate.edge_tpu.layer import Kind, TpuLayer
from edgebuild.estimate.edge_tpu.memory import USABLE, plan_cache
from edgebuild.estimate.edge_tpu.terms import TERMS
from edgebuild.figure import Figure
from tests.edge_tpu.files import Net, image


def convolutions(filters: int, count: int = 5, link: str = "usb3") -> EdgeTpuReport:
    net = Net()
    x = image(net, (1, 64, 64, 3))
    for _ in range(count):
        x = net.convolution(x, filters)
    return report_on(take_structure(net.data(x), "net.tflite"), link)


def dense(hidden: int, link: str = "usb3") -> EdgeTpuReport:
    net = Net()
    x = image(net, (1, 64))
    for units in (hidden, hidden, hidden, hidden, 10):
        x = net.dense(x, units)
    return report_on(take_structure(net.data(x), "net.tflite"), link)


def figure(report: EdgeTpuReport, name: str) -> Figure:
    return next(one for one in report.figures if one.name == name)


def value(report: EdgeTpuReport, name: str = "latency") -> float:
    found = figure(report, name).value
    assert found is not None
    return found


@pytest.mark.parametrize(("filters", "measured"), [(52, 2.5875), (172, 11.3254), (292, 21.7443)])
def test_held_out_convolutions_of_the_sweep_fall_into_the_interval(filters: int, measured: float) -> None:
    latency = figure(convolutions(filters), "latency")
    assert latency.low is not None
    assert latency.high is not None
    assert latency.low <= measured <= latency.high
    assert latency.confidence == 0.9
    assert latency.kind == "estimated"


@pytest.mark.parametrize(("hidden", "measured"), [(580, 0.14584), (1700, 8.08477)])
def test_held_out_dense_layers_of_the_sweep_fall_into_the_interval(hidden: int, measured: float) -> None:
    latency = figure(dense(hidden), "latency")
    assert latency.low is not None
    assert latency.high is not None
    assert latency.low <= measured <= latency.high


def test_streaming_costs_what_the_link_costs() -> None:
    fits, streams = dense(1540), dense(1620)
    assert streams.plan.streamed > 2.5e6
    assert value(streams) > 20 * value(fits)
    assert value(dense(1620, "usb2")) > 7 * value(streams)
    assert value(dense(1620, "pcie")) == value(streams)


def test_channels_that_do_not_fill_the_array_cost_as_much_as_those_that_do() -> None:
    def steps(filters: int) -> int:
        return sum(layer.array_steps for layer in convolutions(filters, 2).layers)

    assert steps(65) == steps(128) > steps(64)


def test_every_term_has_a_time_that_is_not_negative() -> None:
    times = coefficients().milliseconds
    assert set(times) == set(TERMS)
    assert min(times.values()) >= 0
    assert times["array_steps"] > 0
    assert times["link_bytes"] > 0


def test_what_stays_on_the_cpu_takes_time_and_widens_the_interval() -> None:
    def net(tail: int) -> EdgeTpuReport:
        made = Net()
        x = made.convolution(image(made, (1, 32, 32, 4)), 64)
        if tail:
            x = made.operation("HARD_SWISH", [x], [made.tensor((1, 32, 32, 64))])
            x = made.convolution(x, 64)
        return report_on(take_structure(made.data(x), "net.tflite"))

    mapped, cut = figure(net(0), "latency"), figure(net(1), "latency")
    assert mapped.value is not None
    assert cut.value is not None
    assert cut.value > mapped.value + 9  # 38 M multiply-accumulates at 4 G a second
    assert cut.high is not None
    assert cut.high > 3 * cut.value


def test_energy_is_stated_power_times_time() -> None:
    report = convolutions(64)
    energy, latency = figure(report, "energy"), figure(report, "latency")
    assert energy.value is not None
    assert latency.value is not None
    assert latency.value < energy.value < 2 * latency.value
    assert "uncalibrated" in energy.provenance


def test_a_file_of_which_nothing_maps_has_no_time_on_the_edge_tpu() -> None:
    net = Net()
    x = image(net, dtype="float32")
    y = net.operation("RELU", [x], [net.tensor((1, 8, 8, 4), "float32")])
    names = {one.name for one in report_on(take_structure(net.data(y), "net.tflite")).figures}
    assert "latency" not in names


def beyond_the_fit(inference: Inference, link: str = "usb3") -> tuple[float, LatencyEstimate]:
    """What half the interval has beyond that of the fitted terms, in ms; and the estimate."""
    found = estimate_latency(inference, link)
    return found.high - found.middle - coefficients().half_width(found.middle), found


@pytest.mark.parametrize(("kind", "share"), [("depthwise", 0.5), ("convolution", 0.0)])
def test_half_of_the_time_of_depthwise_convolutions_is_not_certain(kind: Kind, share: float) -> None:
    """No sweep has them; nothing crosses the link here."""
    layer = TpuLayer("a", kind, 10**6, 9, 1, 64, 64_000, 64_000, 640)
    wider, found = beyond_the_fit(Inference([layer], plan_cache([layer], USABLE[0]), 0, 0))
    assert found.compute > 1
    assert wider == pytest.approx(share * found.compute, abs=1e-9)


@pytest.mark.parametrize("link", LINKS)
def test_a_quarter_of_the_time_on_the_link_is_not_certain(link: str) -> None:
    """The sweeps do not say which link they used; nothing is computed here."""
    nothing = plan_cache([], USABLE[0])
    _, idle = beyond_the_fit(Inference([], nothing, 0, 0), link)
    wider, found = beyond_the_fit(Inference([], nothing, 10**6, 10**6), link)
    assert found.middle > 2 * idle.middle
    assert wider == pytest.approx(0.25 * (found.middle - idle.middle))
