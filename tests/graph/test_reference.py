"""The comparison with the uncompressed file of the same format."""

from __future__ import annotations

import pytest

from edgebuild.figure import Figure
from edgebuild.graph.reference import reference_figures, reference_findings


def latency(value: float, low: float, high: float) -> Figure:
    return Figure("host_latency", value, "ms", "measured", low, high, 0.95, "host")


def size(value: float) -> Figure:
    return Figure("file_size", value, "B", "exact")


def test_speedup_has_the_interval_of_the_ends() -> None:
    figures = {f.name: f for f in reference_figures([latency(2, 1.8, 2.2), size(100)], [latency(6, 5.4, 6.6)], 400)}
    speedup = figures["host_speedup"]
    assert speedup.value == pytest.approx(3)
    assert (speedup.low, speedup.high) == (pytest.approx(5.4 / 2.2), pytest.approx(6.6 / 1.8))
    assert figures["size_ratio"].value == pytest.approx(4)
    assert figures["float_host_latency"].value == 6
    assert reference_findings(list(figures.values())) == []


def test_a_slower_and_larger_file_is_noted() -> None:
    figures = reference_figures([latency(6, 5.9, 6.1), size(400)], [latency(2, 1.9, 2.1)], 300)
    assert [finding.code for finding in reference_findings(figures)] == ["slower-than-float", "no-smaller-than-float"]


def test_within_noise_nothing_is_said() -> None:
    figures = reference_figures([latency(2.1, 1.8, 2.4), size(100)], [latency(2, 1.8, 2.2)], 400)
    assert reference_findings(figures) == []


def test_nothing_is_compared_with_nothing() -> None:
    assert reference_figures([size(100)], [], None) == []
