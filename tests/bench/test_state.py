"""What a device says of heat and clocks: what makes a benchmark fail, and what is only noted."""

from __future__ import annotations

import pytest

from edgebuild.bench.board.state import slowed_down, slowed_now, state_findings

CALM = {"governor": "performance", "temperature_millicelsius": "41000", "highest_clock_khz": "1800000"}


def codes(*states: dict[str, str]) -> dict[str, str]:
    return {finding.code: finding.severity for finding in state_findings([CALM, *states], 80.0)}


def test_a_calm_device_has_nothing_to_say() -> None:
    calm = {**CALM, "clock_limit_khz": "1800000", "thermal_status": "0", "throttled": "0x0"}
    assert codes(calm, CALM) == {}
    assert slowed_down(CALM, calm) == []


@pytest.mark.parametrize(
    ("slowed", "words"),
    [
        ({"throttled": "0x4"}, "get_throttled says 0x4"),
        ({"thermal_status": "2"}, "Android's thermal status is moderate"),
        ({"cooling": "thermal-cpufreq-4"}, "the kernel cools by thermal-cpufreq-4"),
    ],
)
def test_a_device_says_why_it_is_slowed_down_before_or_after_a_process(slowed: dict[str, str], words: str) -> None:
    assert slowed_now({**CALM, **slowed}) == [words]
    assert slowed_down(CALM, {**CALM, **slowed}) == [words]
    assert slowed_down({**CALM, **slowed}, CALM) == [words]
    assert slowed_down({**CALM, **slowed}, {**CALM, **slowed}) == [words]


def test_a_raspberry_pi_remembers_what_happened_while_nobody_asked() -> None:
    before = {**CALM, "throttled": "0x20000"}
    assert slowed_down(before, before) == [], "that was before"
    assert slowed_down(before, {**CALM, "throttled": "0x60000"}) == ["get_throttled says 0x60000"]
    assert slowed_now({**CALM, "throttled": "0x60000"}) == []


def test_heat_a_governor_and_limited_clocks_are_noted() -> None:
    state = {"governor": "schedutil", "temperature_millicelsius": "81000", "clock_limit_khz": "1200000"}
    assert codes(state) == {"device-hot": "note", "device-governor": "note", "device-clock-limit": "note"}


@pytest.mark.parametrize(("slows_at", "noted"), [(80.0, False), (65.0, True), (60.0, True)])
def test_hot_is_what_is_near_to_where_this_device_slows_down(slows_at: float, noted: bool) -> None:
    found = state_findings([{**CALM, "temperature_millicelsius": "61000"}], slows_at)
    assert [finding.code for finding in found] == (["device-hot"] if noted else [])
