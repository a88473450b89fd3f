"""A student learns from its teacher, and not only from the labels; what cannot be learnt from is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from edgebuild.compress.distil import step as distil_step
from edgebuild.compress.distil.distillation import Distillation
from edgebuild.compress.distil.parameters import Distil
from edgebuild.compress.distil.teacher import Teacher
from edgebuild.errors import ConfigError, InternalError
from edgebuild.model.addition import TrainStep
from edgebuild.model.data_folder import read_inputs, read_targets
from edgebuild.model.evaluate import predict
from edgebuild.model.load import WEIGHTS, build_factory, rebuild
from edgebuild.model.model_folder import read_record
from edgebuild.model.weights import read_weights, write_weights
from tests.compress.classroom import Classroom

STUDENT = {"student": "model:build", "kwargs": {"network": "tiny"}}
EVERY_KIND: list[dict[str, Any]] = [
    {},
    {"kind": "soft_targets", "temperature": 2.0, "weight": 1.0},
    {"kind": "features", "layers": {"body.1": "body.1"}},
    {"kind": "attention", "layers": {"body.0": "body.0", "body.1": "body.2"}},
    {"kind": "relational", "layers": {"body": "body"}},
    {"kind": "relational"},
    {"also": [{"kind": "attention", "layers": {"body": "body"}}, {"kind": "relational"}]},
    {"teacher": "none", "peers": 2},
]


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Classroom:
    """A trained teacher."""
    return Classroom(tmp_path_factory.mktemp("room"), "plain", epochs=4)


def state(folder: Path, root: Path) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in rebuild(folder, root).state_dict().items()}


def same(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return one.keys() == other.keys() and all(one[name].tobytes() == other[name].tobytes() for name in one)


def apart(folder: Path, room: Classroom) -> float:
    """Mean divergence of a model's answers on the validation data from the teacher's."""
    inputs = read_inputs(room.data, "validation")
    ours, theirs = (
        torch.from_numpy(predict(rebuild(one, room.root), inputs)["output"]).log_softmax(1)
        for one in (folder, room.baseline)
    )
    return float((theirs.exp() * (theirs - ours)).sum(1).mean())


@pytest.mark.parametrize("number", range(len(EVERY_KIND)))
def test_every_kind_trains_a_student_and_its_teacher_decides(room: Classroom, number: int) -> None:
    parameters = {**STUDENT, "epochs": 1, **EVERY_KIND[number]}
    taught = room.step("distil", f"taught{number}", **parameters)
    again = room.step("distil", f"again{number}", **parameters)
    assert same(state(taught, room.root), state(again, room.root))
    untaught = {**STUDENT, "epochs": 1, "weight": 0.0}
    plain = room.step("distil", f"plain{number}", **untaught)
    assert not same(state(taught, room.root), state(plain, room.root))


def test_a_student_believes_its_teacher_more_than_the_labels(room: Classroom, monkeypatch: pytest.MonkeyPatch) -> None:
    """The teacher calls every class by the name of the next one; without it the labels are learnt."""
    monkeypatch.setattr(room, "train", {"keep_best": False})
    weights = read_weights(room.baseline / WEIGHTS)
    rolled = {name: value.roll(1, 0) if name.startswith("head.") else value for name, value in weights.items()}
    write_weights(rolled, room.root / "rolled.safetensors")
    liar = {"factory": "model:build", "weights": "rolled.safetensors"}
    labels, right = read_targets(room.data), {}
    for name, weight in (("taught", 1.0), ("plain", 0.0)):
        student = room.step(
            "distil", f"rolled-{name}", student="model:build", epochs=6, teacher="none", teachers=[liar], weight=weight
        )
        answers = predict(rebuild(student, room.root), read_inputs(room.data, "validation"))["output"].argmax(1)
        right[name] = [float((answers == (labels + shift) % 3).mean()) for shift in (0, 1)]
    assert right["taught"][1] > 0.9
    assert right["plain"][0] > 0.9


def test_with_all_weight_on_the_teacher_labels_do_not_matter(room: Classroom) -> None:
    """The gradient is that of the divergence alone: zero for a student that is its teacher."""
    model = rebuild(room.baseline, room.root)
    distillation = Distillation(Distil(weight=1.0), [Teacher("itself", rebuild(room.baseline, room.root))], room.root)
    images = torch.from_numpy(np.array(read_inputs(room.data, "validation")["input"][:8]))
    assert distillation.task_share == 0
    with distillation.attached(model, (images,)):
        outputs = model(images)
        loss = distillation.loss(TrainStep(model, (images,), {"output": outputs}, torch.zeros(8).long(), 0.0))
        loss.backward()
    assert float(loss.detach()) == pytest.approx(0, abs=1e-5)
    assert max(float(parameter.grad.abs().max()) for parameter in model.parameters()) < 1e-5


def test_two_teachers_are_averaged(room: Classroom) -> None:
    student = build_factory({"factory": "model:build", "kwargs": {"network": "tiny"}}, room.root, 3).eval()
    others = [build_factory({"factory": "model:build", "kwargs": {}}, room.root, seed).eval() for seed in (1, 2)]
    images = torch.from_numpy(np.array(read_inputs(room.data, "validation")["input"][:8]))
    answer = TrainStep(student, (images,), {"output": student(images)}, torch.zeros(8).long(), 0.0)
    found = []
    for chosen in (others[:1], others[1:], others):
        teachers = [Teacher("one", model) for model in chosen]
        distillation = Distillation(Distil(), teachers, room.root)
        with distillation.attached(student, (images,)):
            found.append(float(distillation.loss(answer).detach()))
    assert found[2] == pytest.approx((found[0] + found[1]) / 2, rel=1e-4)


def test_a_teacher_answers_in_the_numbers_of_the_training(room: Classroom) -> None:
    model, teacher = (rebuild(room.baseline, room.root) for _ in range(2))
    layer = next(module for module in teacher.modules() if isinstance(module, torch.nn.Conv2d | torch.nn.Linear))
    images = torch.from_numpy(np.array(read_inputs(room.data, "validation")["input"][:8]))
    distillation = Distillation(Distil(), [Teacher("itself", teacher)], room.root)
    outputs = {"output": model(images)}
    seen = []
    with distillation.attached(model, (images,)), layer.register_forward_hook(lambda *call: seen.append(call[2].dtype)):
        for precision in ("fp32", "bf16"):
            loss = distillation.loss(TrainStep(model, (images,), outputs, torch.zeros(8).long(), 0.0, precision))
            assert loss.dtype == torch.float32
    assert seen == [torch.float32, torch.bfloat16]


def test_the_record_is_the_students_own(room: Classroom) -> None:
    pruned = room.step("prune", "pruned", ratio=0.3, round_to=4, finetune={"epochs": 0})
    record = read_record(room.step("distil", "student", model=pruned, epochs=1, **STUDENT))
    assert record.source == {"kind": "factory", "factory": "model:build", "kwargs": {"network": "tiny"}}
    assert record.edits == ()
    assert [(claim["layer"], claim["kept"]) for claim in record.claims] == [
        ("body.0.0", 1),
        ("body.1.0", 4),
        ("head", 3),
    ]
    effect = record.extra["distil"]["effect"]
    assert effect.startswith("model:build in its place, ")
    assert "soft_targets of baseline learnt in 1 epochs" in effect
    assert len(json.loads((room.root / "student" / "history.json").read_text())) == 1


def test_without_a_student_the_model_itself_is_trained_further(room: Classroom) -> None:
    pruned = room.step("prune", "cut", ratio=0.3, round_to=4, finetune={"epochs": 0})
    further = room.step("distil", "further", model=pruned, epochs=2)
    before, after = read_record(pruned), read_record(further)
    assert (before.source, before.edits, before.claims) == (after.source, after.edits, after.claims)
    assert apart(further, room) < apart(pruned, room)


def test_the_teacher_may_be_the_users_own(room: Classroom) -> None:
    own = {"factory": "model:build", "weights": f"baseline/{WEIGHTS}"}
    one = room.step("distil", "own", teacher="none", teachers=[own], epochs=1, **STUDENT)
    other = room.step("distil", "built", epochs=1, **STUDENT)
    assert same(state(one, room.root), state(other, room.root))


def test_finetuning_of_another_step_learns_from_the_model_before_it(room: Classroom) -> None:
    common: dict[str, Any] = {"ratio": 0.4, "round_to": 4, "importance": "l2"}
    plain = room.step("prune", "plain", finetune={"epochs": 2}, **common)
    taught = room.step(
        "prune", "taught", finetune={"epochs": 2, "distil": {"teacher": "before", "weight": 1.0}}, **common
    )
    assert read_record(plain).edits == read_record(taught).edits
    assert not same(state(plain, room.root), state(taught, room.root))


def test_a_step_that_trained_nothing_is_found_out(room: Classroom, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edgebuild.compress.training.Training.tune", lambda *_args, **_kwargs: [])
    with pytest.raises(InternalError, match="no weight changed in training"):
        room.step("distil", "idle", epochs=1)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"kind": "features", "layers": {"body.9": "body.1"}},
            "distil: the student has no layer 'body.9'; did you mean 'body.1'?",
        ),
        (
            {"kind": "features", "layers": {"body.1": "bodi.1"}},
            "distil: the teacher (baseline) has no layer 'bodi.1'; did you mean 'body.1'?",
        ),
        (
            {"kind": "features", "layers": {"body": "head"}},
            (
                "distil: layer 'body' of the student gives (4, 8, 8) a sample and 'head' of the teacher (3,); "
                "expected the same number of dimensions"
            ),
        ),
    ],
)
def test_layers_that_do_not_fit_are_named(room: Classroom, parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as raised:
        room.step("distil", f"bad{abs(hash(message))}", epochs=1, **{**STUDENT, **parameters})
    assert raised.value.message == message


def test_a_student_with_other_outputs_is_refused(room: Classroom) -> None:
    (room.root / "other.py").write_text(
        "from torch import nn\n\ndef build():\n    return nn.Sequential(nn.Flatten(), nn.Linear(64, 5))\n"
    )
    with pytest.raises(ConfigError) as raised:
        room.step("distil", "other", student="other:build", epochs=1)
    assert raised.value.message == (
        "distil: the student 'other:build' gives outputs (5,) a sample, the model in whose place it comes (3,); "
        "expected the same"
    )


def test_a_student_changes_the_structure_and_a_teacher_alone_does_not() -> None:
    table = distil_step.DistilStep
    assert distil_step.phase_of(table(student="model:build")) == 1
    assert distil_step.phase_of(table()) == 2
