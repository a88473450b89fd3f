"""The step in a project file: what fits together, and where it may stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from edgebuild.config.load import load_project
from edgebuild.config.problem import InvalidConfigError

PROJECT = """\
name: small
model: {{factory: "model:build"}}
data: {{function: "model:load"}}
metric: accuracy
train: {{epochs: 1}}
targets:
  - extends: raspberry-pi-4
    plan:
{plan}
"""
QUANTIZE = "quantize: {kind: static}"


def told(root: Path, *steps: str) -> list[str]:
    """The first line of every problem of a project with these steps; empty where it loads."""
    (root / "model.py").write_text("")
    (root / "edgebuild.yaml").write_text(PROJECT.format(plan="\n".join(f"      - {step}" for step in steps)))
    try:
        load_project(root / "edgebuild.yaml")
    except InvalidConfigError as error:
        return [str(problem).splitlines()[0].partition("edgebuild.yaml:")[2] for problem in error.problems]
    return []


def test_before_quantize_it_is_welcome(tmp_path: Path) -> None:
    assert told(tmp_path, "prune: {ratio: 0.3}", "prune: {keep: {macs: 0.5}, schedule: cubic}", QUANTIZE) == []


def test_after_quantize_it_is_refused(tmp_path: Path) -> None:
    (found,) = told(tmp_path, QUANTIZE, "prune: {ratio: 0.3}")
    assert found == (
        "10:9: targets[0].prune: may not follow quantize (line 9): a step that changes the structure undoes what "
        "quantize did to the type of numbers; put prune first"
    )


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            "{}",
            "targets[0].prune: expected ratio, ratios, or keep with macs, parameters, bytes or size: how much to cut?",
        ),
        ("{ratio: 1.4}", "9:24: targets[0].prune.ratio: 1.4 is not in (0, 1)"),
        ("{ratio: 0.5, keep: {macs: 0.5}}", "targets[0].prune.keep: belongs to a cut without `ratio`; found both"),
        ("{keep: {}}", "targets[0].prune.keep: expected macs, parameters, bytes or size, found neither"),
        (
            "{keep: {macs: 0.5, parameters: 0.4}}",
            "targets[0].prune.keep: expected macs, parameters, bytes or size, found both",
        ),
        (
            "{ratio: 0.5, steps: 3}",
            "targets[0].prune.steps: belongs to schedule: cubic, feedback or iterative, found one_shot",
        ),
        (
            "{ratio: 0.5, importance: tailor}",
            "targets[0].prune.importance: unknown importance 'tailor'; did you mean 'taylor'?",
        ),
        (
            "{ratio: 0.5, kind: unstructed}",
            "targets[0].prune.kind: unknown kind of prune 'unstructed'; did you mean 'unstructured'?",
        ),
        ("{ratio: 0.5, finetune: {epoch: 3}}", "targets[0].prune.finetune.epoch: unknown key; did you mean 'epochs'?"),
        (
            "{keep: {size: 12}}",
            "keep.size: a unit is missing; write it like '512 KiB' (units: B, KiB, MiB, GiB, kB, MB, GB)",
        ),
        ("{keep: {macs: 0.5, stored: int8}}", "targets[0].prune.keep.stored: belongs to bytes or size, found macs"),
        ("{keep: {bytes: 0.5, stored: int4}}", "found 'int4'; did you mean 'int8'?"),
        ("{ratio: 0.5, ratios: {stem: 0.2}}", "targets[0].prune.ratios: belongs to a cut without `ratio`; found both"),
        ("{ratios: {stem: 1.2}}", "9:32: targets[0].prune.ratios.stem: 1.2 is not in (0, 1)"),
        ("{ratios: {stem: 0.95}}", "targets[0].prune.ratios: stem: 0.95 is more than max_ratio 0.9"),
        ("{ratios: {}}", "targets[0].prune.ratios: is empty; expected layers with their share, like {stem: 0.2}"),
        (
            "{ratios: {stem: 0.5}, scope: local}",
            "targets[0].prune.scope: belongs to ratio or keep: with `ratios` every layer has a share of its own",
        ),
        ("{ratio: 0.5, schedule: cubik}", "targets[0].prune.schedule: unknown schedule 'cubik'; did you mean 'cubic'?"),
        (
            "{ratio: 0.5, schedule: feedback}",
            "prune.schedule: feedback goes by what is lost after each cut; expected recover: the points that may be",
        ),
        (
            "{ratio: 0.5, recover: 1}",
            "targets[0].prune.recover: belongs to schedule: feedback, found one_shot; its bound is max_accuracy_drop",
        ),
        (
            "{ratio: 0.5, schedule: feedback, recover: 1, max_accuracy_drop: 1}",
            "targets[0].prune.max_accuracy_drop: belongs to other schedules; the bound of feedback is recover",
        ),
        (
            "{ratio: 0.5, finetune: {rewind: learning_rate, learning_rate: 0.1}}",
            "prune.finetune.learning_rate: rewind: learning_rate replays that of the project's `train:`; leave one out",
        ),
        (
            "{ratio: 0.5, sparsify: {kind: lasso}}",
            "targets[0].prune.sparsify.kind: unknown kind of sparsify 'lasso'; did you mean 'group_lasso'?",
        ),
        (
            "{ratio: 0.5, sensitivity: {ratios: [0.5, 0.2]}}",
            "targets[0].prune.sensitivity.ratios: expected rising shares in (0, 1), found 0.5, 0.2",
        ),
        (
            "{kind: unstructured, sparsity: 0.5, schedule: feedback}",
            "targets[0].prune.schedule: unknown schedule 'feedback'; known: cubic, iterative, one_shot",
        ),
        ("{ratio: 0.5, max_accuracy_drop: -1}", "targets[0].prune.max_accuracy_drop: expected at least 0, found -1"),
    ],
)
def test_what_does_not_fit_is_told_at_its_place(tmp_path: Path, parameters: str, message: str) -> None:
    (found,) = told(tmp_path, f"prune: {parameters}", QUANTIZE)
    assert found.endswith(message)
