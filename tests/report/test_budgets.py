"""A budget is met by a figure that exists and is within the limit, by nothing else."""

import pytest

from edgebuild.bench.missing import missing_device_figures
from edgebuild.check.finding import Finding
from edgebuild.errors import ConfigError
from edgebuild.figure import Figure
from edgebuild.report.budgets import judge, unjudged_findings
from edgebuild.report.facts import ClaimFacts
from edgebuild.report.headline import budget_text
from edgebuild.report.verdict import judge_status

SIZE = Figure("file_size", 20_480, "B", "exact")
DROP = Figure("accuracy_drop", 0.3, "points", "measured", -0.1, 0.7, 0.95, "test")
HOST = Figure("host_latency", 1.0, "ms", "measured", 0.9, 1.1, 0.95, "test")


def test_a_figure_within_the_limit_meets_its_budget_in_the_budgets_unit() -> None:
    (result,) = judge({"size": (32.0, "KiB")}, [SIZE])
    assert (result.met, result.value, result.unit, result.figure) == (True, 20.0, "KiB", "file_size")
    assert result.note == ""


def test_a_figure_over_the_limit_misses_it_and_the_limit_itself_is_met() -> None:
    assert judge({"size": (19.0, "KiB")}, [SIZE])[0].met is False
    assert judge({"size": (20.0, "KiB")}, [SIZE])[0].met is True


@pytest.mark.parametrize(("limit", "met"), [(0.5, True), (0.2, False)])
def test_a_limit_inside_the_interval_is_said_to_be_within_noise(limit: float, met: bool) -> None:
    (result,) = judge({"accuracy_drop": (limit, "points")}, [DROP])
    assert result.met is met
    assert "within noise" in result.note


@pytest.mark.parametrize("limit", [0.7, -0.2])
def test_a_limit_outside_the_interval_is_clear(limit: float) -> None:
    assert judge({"accuracy_drop": (limit, "points")}, [DROP])[0].note == ""


def test_the_hosts_latency_never_meets_the_devices_budget() -> None:
    (result,) = judge({"latency": (60.0, "ms")}, [HOST, *missing_device_figures("raspberry-pi-4")])
    assert result.met is None
    assert result.value is None
    assert "not measured: no raspberry-pi-4 device" in result.note
    assert judge({"latency": (60.0, "ms")}, [HOST])[0].note == "not measured"


def test_a_lower_limit_is_met_by_what_is_at_least_that_much_in_the_metrics_own_unit() -> None:
    accuracy = Figure("accuracy", 96.0, "%", "measured", 94.0, 97.0, 0.95, "test")
    for limit, met in ((97.5, False), (96.0, True), (93.0, True)):
        (result,) = judge({"accuracy_min": (limit, "metric")}, [accuracy], ["accuracy_min"])
        assert (result.met, result.value, result.unit, result.figure) == (met, 96.0, "%", "accuracy")
    assert budget_text(result) == "accuracy_min 96.00 % of at least 93.00 %"
    (noisy,) = judge({"accuracy_min": (95.0, "metric")}, [accuracy], ["accuracy_min"])
    assert "within noise" in noisy.note


def test_the_drop_of_a_metric_that_is_no_share_is_in_its_own_unit() -> None:
    drop = Figure("accuracy_drop", 0.3, "1", "measured", 0.2, 0.4, 0.95, "mean absolute error")
    (result,) = judge({"accuracy_drop": (1.0, "points")}, [drop])
    assert (result.met, result.unit) == (True, "1")


def test_an_unmeasured_budget_is_not_a_missed_one() -> None:
    results = judge({"energy": (2.0, "mJ"), "size": (32.0, "KiB")}, [SIZE])
    assert [result.met for result in results] == [None, True]
    assert judge_status(results, (), ()) == "ok"


def test_units_are_converted_and_other_dimensions_are_refused() -> None:
    energy = Figure("energy", 0.0015, "J", "measured", 0.0014, 0.0016, 0.95, "test")
    assert judge({"energy": (2.0, "mJ")}, [energy])[0].value == pytest.approx(1.5)
    with pytest.raises(ConfigError, match="a limit in ms cannot be compared with a figure in B"):
        judge({"size": (3.0, "ms")}, [SIZE])


def test_the_status_names_the_worst() -> None:
    missed = judge({"size": (1.0, "KiB")}, [SIZE])
    fatal = Finding("float-weights", "found float32")
    unproved = ClaimFacts("int8-weights", "quantize", "none", ok=False)
    assert judge_status(missed, (), ()) == "missed"
    assert judge_status(missed, (fatal,), ()) == "failed"
    assert judge_status((), (), (unproved,)) == "failed"
    assert judge_status((), (Finding("x", "y", (), "allowed"), Finding("x", "y", (), "note")), ()) == "ok"


def test_a_budget_that_nothing_was_held_against_is_a_finding() -> None:
    results = judge({"latency": (60.0, "ms"), "size": (1.0, "MiB")}, [HOST, *missing_device_figures("raspberry-pi-4")])
    findings = unjudged_findings([one for one in results if one.name == "latency"])
    assert [(one.code, one.severity) for one in findings] == [("unjudged-latency", "fatal")]
    assert (
        "there is no latency to judge the budget on latency by: not measured: no raspberry-pi-4" in findings[0].message
    )
    assert unjudged_findings(judge({"accuracy_drop": (0.5, "points")}, [DROP])) == []
