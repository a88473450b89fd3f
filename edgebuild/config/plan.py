"""Checking a plan: each step's name and parameters, their order, and whether they deliver what the export promises."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any, get_args

from edgebuild.config.document import describe_value
from edgebuild.config.located import Located, text_at, written_in
from edgebuild.config.problem import ProblemList
from edgebuild.config.registries import FORMATS, STEPS
from edgebuild.config.target import PlannedStep
from edgebuild.config.validate import read_table
from edgebuild.config.wording import unknown_name

WITHOUT_STEP = ("fp32", "fp16")
"""What a format makes of float weights by itself; every other dtype needs a step that delivers it."""


@dataclass(frozen=True)
class CheckedStep:
    """A step, where it stands, its phase, and the dtype it delivers (None if it leaves the numbers as they are).

    `leaves_float`: some layers stay in floating point beside the integers that it delivers.
    """

    step: PlannedStep
    at: Located
    phase: int
    delivers: str | None
    leaves_float: bool = False


def read_plan(plan: Located, problems: ProblemList) -> list[CheckedStep] | None:
    """Check every step and their order; None where one step is wrong, so that what they deliver is not known."""
    if not isinstance(plan.value, list):
        problems.add(plan.problem(f"expected a list of steps (- step: {{…}}), found {describe_value(plan)}"))
        return None
    steps = [_read_step(item, problems) for item in plan.value]
    known = [step for step in steps if step is not None]
    check_order(known, problems)
    return known if len(known) == len(steps) else None


def _read_step(item: Located, problems: ProblemList) -> CheckedStep | None:
    if isinstance(item.value, str):
        item = item.with_value({item.value: item.with_value({})})
    if not isinstance(item.value, dict) or len(item.value) != 1:
        named = isinstance(item.value, dict) and item.value
        found = f"the keys {', '.join(item.value)}" if named else describe_value(item)
        problems.add(item.problem(f"expected one step, like `- quantize: {{kind: static}}`, found {found}"))
        return None
    name, parameters = next(iter(item.value.items()))
    if name not in STEPS:
        problems.add(parameters.problem(unknown_name("plan step", name, STEPS.names()), at_key=True))
        return None
    values = parameters if parameters.value is not None else parameters.with_value({})
    method = _chosen(name, values, problems)
    if method is None:
        return None
    read = read_table(method.parameters, values, problems)
    if read is None:
        return None
    step, phase = PlannedStep(name, read), int(method.phase_with(read))
    return CheckedStep(step, parameters, phase, method.delivers(read), method.leaves_float(read))


def _chosen(name: str, values: Located, problems: ProblemList) -> Any:
    """The method, or that of its kinds which `kind` names; None after a problem with it."""
    method = STEPS.get(name)
    kind = values.child("kind") if isinstance(values.value, dict) else None
    if method.kinds is None or kind is None or not isinstance(kind.value, str):
        return method
    known = [*get_args(method.parameters.model_fields["kind"].annotation), *method.kinds.names()]
    if kind.value in known:
        return method.chosen({"kind": kind.value})
    problems.add(kind.problem(unknown_name(f"kind of {name}", kind.value, known)))
    return None


def check_order(steps: list[CheckedStep], problems: ProblemList) -> None:
    """See that no phase goes back, and that one step at most decides the type of numbers."""
    for before, after in pairwise(steps):
        if after.phase < before.phase:
            message = (
                f"may not follow {before.step.method} (line {before.at.key_spot.line}): a step that changes "
                f"{_CHANGES[after.phase]} undoes what {before.step.method} did to "
                f"{_CHANGES[before.phase]}; put {after.step.method} first"
            )
            problems.add(after.at.problem(message, at_key=True))
    for before, after in combinations(steps, 2):
        _check_objection(before, after, problems)
    delivering = [step for step in steps if step.delivers is not None]
    for again in delivering[1:]:
        first = delivering[0]
        message = (
            f"the model is already {first.delivers} after {first.step.method} (line {first.at.key_spot.line}); "
            "numbers can be quantized once"
        )
        problems.add(again.at.problem(message, at_key=True))


def _check_objection(before: CheckedStep, after: CheckedStep, problems: ProblemList) -> None:
    """Hear whether the earlier step can live with the later one."""
    method = STEPS.get(before.step.method).chosen(before.step.to_json())
    message = method.objects_to(before.step.parameters, after.step.method, after.step.parameters)
    if message is not None:
        where = f"may not follow {before.step.method} (line {before.at.key_spot.line})"
        problems.add(after.at.problem(f"{where}: {message}", at_key=True))


_CHANGES = {
    1: "the structure",
    2: "the weights by training",
    3: "the values of the weights",
    4: "the type of numbers",
}
"""Phase of a step -> what it changes."""


def check_promise(profile: Located, dtype: Located, steps: list[CheckedStep], problems: ProblemList) -> None:
    """See that the plan delivers the dtype that `export.dtype` promises."""
    promised = dtype.value
    delivering = [step for step in steps if step.delivers is not None]
    if not delivering:
        if promised not in WITHOUT_STEP:
            able = ", ".join(name for name, method in STEPS.items() if _can_deliver(method)) or "none"
            at = written_in(profile.source, dtype, profile.child("plan"))
            message = (
                f"no step of the plan delivers {promised} (export.dtype, {dtype.place}); steps that quantize: {able}"
            )
            problems.add(at.problem(message, at_key=True))
        return
    if len(delivering) == 1 and delivering[0].delivers != promised:
        step = delivering[0]
        message = (
            f"export.dtype is {promised} ({dtype.place}), but {step.step.method} delivers {step.delivers} "
            f"({step.at.place}); change one of them"
        )
        problems.add(written_in(profile.source, dtype, step.at).problem(message, at_key=True))


def check_float_layers(profile: Located, steps: list[CheckedStep], problems: ProblemList) -> None:
    """See that layers which stay in floating point have a place in the target's file."""
    step = next((step for step in steps if step.leaves_float), None)
    why = (_all_integer(profile) or _not_allowed(profile)) if step is not None else None
    if step is None or why is None:
        return
    at, reason = why
    message = f"{step.step.method} leaves layers in floating point ({step.at.place}), but {reason} ({at.place})"
    problems.add(written_in(profile.source, step.at, at).problem(message))


def _all_integer(profile: Located) -> tuple[Located, str] | None:
    """Which word of the profile leaves no place for floating point, and why."""
    texts = {path: text_at(profile, path) for path in (("export", "format"), ("export", "io"), *_ACCELERATED)}
    form, io = texts["export", "format"], texts["export", "io"]
    if form is not None and form.value in FORMATS and FORMATS.get(form.value).all_integer:
        return form, f"format {form.value} has no operation in floating point"
    for path in _ACCELERATED:
        named = texts[path]
        if named is not None and named.value.replace("-", "").startswith(_EDGE_TPU):
            return named, "the Edge TPU leaves the first such layer, and all behind it, to the CPU"
    if io is not None and io.value != "float32":
        return io, f"inputs and outputs are {io.value}, which needs integers from end to end; use io: float32"
    return None


def _not_allowed(profile: Located) -> tuple[Located, str] | None:
    """Which word of the profile leaves such layers to a processor beside the accelerator, and that none was allowed."""
    form, accelerator = text_at(profile, ("export", "format")), text_at(profile, ("hardware", "accelerator"))
    code, at = "", form
    if form is not None and form.value in FORMATS:
        code = FORMATS.get(form.value).float_finding
    if not code and accelerator is not None and accelerator.value.startswith(_ETHOS_U):
        code, at = "unsupported-op", accelerator
    allow = profile.child("allow")
    entries = allow.plain() if allow is not None else None
    if at is None or not code or any(str(entry).partition(":")[0] == code for entry in entries or ()):
        return None
    return at, f"{at.value} leaves those to the core; accept it with allow: [{code}], or quantize all of them"


_ACCELERATED = (("hardware", "accelerator"), ("runtime", "name"), ("runtime", "oldest"))
_EDGE_TPU = "edgetpu"
_ETHOS_U = "ethos-u"


def _can_deliver(method: Any) -> bool:
    """Whether the method says anything about the dtype it delivers: the default says nothing."""
    return method.delivers is not type(method).delivers
