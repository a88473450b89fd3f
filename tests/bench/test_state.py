"""What a device says of heat and clocks: what makes a benchmark fail, and what is only noted."""

from __future__ import annotations

import pytest

from edgebuild.bench.board.state import state_findings

CALM = {"governor": "performance", "temperature_millicelsius": "41000", "highest_clock_khz": "1800000"}


def codes(*states: dict[str, str], before: dict[str, str] = CALM) -> dict[str, str]:
    return {finding.code: finding.severity for finding in state_findings(before, states)}


def test_a_calm_device_has_nothing_to_say() -> None:
    assert codes({**CALM, "clock_limit_khz": "1800000", "thermal_status": "0", "throttled": "0x0"}, CALM) == {}


@pytest.mark.parametrize(
    ("slowed", "words"),
    [
        ({"throttled": "0x4"}, "get_throttled says 0x4"),
        ({"thermal_status": "2"}, "Android's thermal status is moderate"),
        ({"cooling": "thermal-cpufreq-4"}, "the kernel cools by thermal-cpufreq-4"),
    ],
)
def test_a_device_that_was_slowed_down_between_two_processes_fails(slowed: dict[str, str], words: str) -> None:
    (finding,) = state_findings(CALM, [{**CALM, **slowed}, CALM])
    assert (finding.code, finding.severity) == ("device-throttled", "fatal")
    assert words in finding.message


def test_a_raspberry_pi_remembers_what_happened_while_nobody_asked() -> None:
    before = {**CALM, "throttled": "0x20000"}
    assert codes({**CALM, "throttled": "0x20000"}, before=before) == {}, "that was before"
    assert codes({**CALM, "throttled": "0x60000"}, before=before) == {"device-throttled": "fatal"}


def test_heat_a_governor_and_limited_clocks_are_noted() -> None:
    state = {"governor": "schedutil", "temperature_millicelsius": "81000", "clock_limit_khz": "1200000"}
    assert codes(CALM, state) == {"device-hot": "note", "device-governor": "note", "device-clock-limit": "note"}
