"""junit.xml says for a CI system what passed, failed and was not measured."""

from dataclasses import replace
from xml.etree import ElementTree as ET

from edgebuild.report.junit import render_junit
from tests.report.sample import passing_facts, sample_facts


def _suite(root: ET.Element, name: str) -> ET.Element:
    (suite,) = (suite for suite in root if suite.get("name") == name)
    return suite


def _case(suite: ET.Element, name: str) -> ET.Element:
    (case,) = (case for case in suite if case.get("name") == name)
    return case


def test_there_is_one_suite_per_target_and_the_totals_add_up() -> None:
    root = ET.fromstring(render_junit(sample_facts()).encode())
    assert [suite.get("name") for suite in root] == [target.name for target in sample_facts().targets]
    for key in ("tests", "failures", "errors", "skipped"):
        assert int(root.get(key, "-1")) == sum(int(suite.get(key, "-1")) for suite in root)
    for suite in root:
        assert int(suite.get("failures", "-1")) == len(suite.findall("testcase/failure"))
        assert int(suite.get("skipped", "-1")) == len(suite.findall("testcase/skipped"))
        assert int(suite.get("tests", "-1")) == len(suite.findall("testcase"))


def test_a_missed_budget_and_an_unproved_claim_fail_with_their_message() -> None:
    root = ET.fromstring(render_junit(sample_facts()).encode())
    budget = _case(_suite(root, "raspberry-pi-4"), "size").find("failure")
    assert budget is not None
    assert "of 16 KiB" in str(budget.get("message"))
    claim = _case(_suite(root, "edge-tpu"), "quantize: int8-weights").find("failure")
    assert claim is not None
    assert claim.get("message") == "5 of 6 weight tensors are int8"


def test_a_fatal_finding_fails_and_an_allowed_one_passes() -> None:
    suite = _suite(ET.fromstring(render_junit(sample_facts()).encode()), "edge-tpu")
    assert _case(suite, "float-weights (head.fc)").find("failure") is not None
    allowed = _case(suite, "stray-transpose (stem.conv)")
    assert allowed.find("failure") is None
    assert str(allowed.findtext("system-out")).startswith("allowed:")


def test_what_was_not_measured_is_skipped_not_passed() -> None:
    suite = _suite(ET.fromstring(render_junit(sample_facts()).encode()), "android-arm64")
    assert _case(suite, "latency").find("skipped") is not None


def test_an_error_and_a_target_not_built_are_told_apart() -> None:
    root = ET.fromstring(render_junit(sample_facts()).encode())
    assert _case(_suite(root, "cortex-m4"), "build").find("error") is not None
    assert _case(_suite(root, "desk-toy"), "build").find("skipped") is not None


def test_control_characters_of_a_tools_message_do_not_break_the_file() -> None:
    facts = sample_facts()
    loud = replace(facts.targets[3], error="\x1b[31mfailed\x1b[0m\x00 <&>")
    root = ET.fromstring(render_junit(replace(facts, targets=(loud,))).encode())
    assert root.find("testsuite/testcase/error") is not None


def test_a_passing_run_has_no_failure() -> None:
    root = ET.fromstring(render_junit(passing_facts()).encode())
    assert (root.get("failures"), root.get("errors")) == ("0", "0")
