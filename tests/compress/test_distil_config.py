"""Distillation and the pruning of weights in a project file: what fits together, and where it may stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.compress.test_prune_config import QUANTIZE, told

SPARSE = "prune: {kind: unstructured, sparsity: 0.5}"
STUDENT = 'distil: {student: "model:build"}'


@pytest.mark.parametrize(
    "steps",
    [
        (STUDENT, "prune: {ratio: 0.3}", "distil", SPARSE, "distil: {kind: relational}", QUANTIZE),
        (
            "prune: {ratio: 0.3, finetune: {distil: {teacher: before, also: [{kind: relational}]}}}",
            "prune: {kind: n_m}",
        ),
        (SPARSE, "prune: {kind: n_m, pattern: '1:4'}", QUANTIZE),
        ('distil: {student: "model:build", teacher: none, peers: 1}',),
    ],
)
def test_these_plans_are_welcome(tmp_path: Path, steps: tuple[str, ...]) -> None:
    assert [line for line in told(tmp_path, *steps) if "no step of the plan delivers" not in line] == []


UNDOES = "a step that changes {what} undoes what {step} did to {whose}"


@pytest.mark.parametrize(
    ("steps", "method", "before", "message"),
    [
        ((SPARSE, "prune: {ratio: 0.3}"), "prune", "prune", ("the structure", "the weights by training")),
        ((SPARSE, STUDENT), "distil", "prune", ("the structure", "the weights by training")),
        ((QUANTIZE, "distil: {}"), "distil", "quantize", ("the weights by training", "the type of numbers")),
    ],
)
def test_an_order_that_undoes_a_step_is_refused(
    tmp_path: Path, steps: tuple[str, ...], method: str, before: str, message: tuple[str, str]
) -> None:
    why = UNDOES.format(what=message[0], step=before, whose=message[1])
    expected = f"10:9: targets[0].{method}: may not follow {before} (line 9): {why}; put {method} first"
    assert expected in told(tmp_path, *steps)


@pytest.mark.parametrize(
    ("step", "message"),
    [
        ("distil: {kind: soft}", "distil.kind: unknown kind of distillation 'soft'; known: attention, features, "),
        ("distil: {weight: 1.5}", "distil.weight: of soft_targets it is a share of the loss; 1.5 is not in [0, 1]"),
        (
            "distil: {weight: 0.6, also: [{weight: 0.6, temperature: 2}]}",
            "distil.also: the shares of the loss together are 1.2, which is not in [0, 1]",
        ),
        ("distil: {kind: features}", "distil: features compares layers; expected layers: {student's: teacher's}"),
        ("distil: {layers: {a: b}}", "distil.layers: soft_targets compares outputs; layers belong to the other kinds"),
        (
            "distil: {kind: relational, temperature: 2}",
            "distil.temperature: belongs to kind: soft_targets, found relational",
        ),
        ("distil: {teacher: none}", "distil.teacher: there are no other `teachers`; expected baseline or before"),
        ("distil: {peers: 1}", "distil.peers: belongs to `student`, which is not given"),
        (
            'distil: {student: "model:build", teacher: none, peers: 1, temperature: 2}',
            "distil.temperature: there is no teacher to learn it from; peers learn each other's outputs",
        ),
        ("prune: {kind: unstructured}", "prune.sparsity: missing (share of the weights of all layers not skipped that"),
        (
            "prune: {kind: unstructured, sparsity: 0.99}",
            "prune.sparsity: 0.99 is more than max_ratio 0.98, the most that a layer may lose",
        ),
        (
            "prune: {kind: unstructured, sparsity: 0.5, importance: taylor}",
            "prune.importance: unknown importance 'taylor'; known: gradient, hessian, magnitude, movement, random",
        ),
        ("prune: {kind: n_m, pattern: '4:4'}", "prune.pattern: expected N:M with N below M, like '2:4', found '4:4'"),
        (
            "prune: {kind: unstructured, sparsity: 0.5, importance: movement}",
            "prune.importance: movement learns its masks in training; expected schedule: cubic or iterative, and ",
        ),
        (
            "prune: {kind: n_m, importance: movement}",
            "prune.importance: movement learns masks with more and more zeros; it belongs to kind: unstructured",
        ),
        ("prune: {kind: n_m, ratio: 0.3}", "prune.ratio: unknown key; known: "),
    ],
)
def test_what_does_not_fit_is_told_at_its_place(tmp_path: Path, step: str, message: str) -> None:
    found = [line for line in told(tmp_path, step, QUANTIZE) if "no step of the plan" not in line]
    assert len(found) == 1, found
    place, _, rest = found[0].partition("targets[0].")
    assert place
    assert rest.startswith(message), rest
