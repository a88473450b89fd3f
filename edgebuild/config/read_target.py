"""From a merged profile to a checked Target: tables, plan, and every name looked up in its registry."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from edgebuild.config.located import Located, Source, text_at, written_in
from edgebuild.config.plan import CheckedStep, check_float_layers, check_promise, read_plan
from edgebuild.config.problem import ProblemList
from edgebuild.config.profile import Profile
from edgebuild.config.registries import ACCELERATORS, CORES, FORMATS, PACKAGERS, RUNTIMES
from edgebuild.config.target import Export, Package, Target
from edgebuild.config.validate import read_table
from edgebuild.config.wording import suggestion, unknown_name
from edgebuild.registry import Registry


def read_target(profile: Profile, problems: ProblemList) -> Target | None:
    """Return the target, or None after adding every problem with it."""
    before = len(problems)
    merged = profile.merged
    target = read_table(Target, _prepared(merged), problems, incomplete=not profile.complete)
    plan = merged.child("plan")
    steps: list[CheckedStep] | None = []
    if plan is not None and plan.value is not None:
        steps = read_plan(plan, problems)
    export = merged.child("export")
    options = _read_export(merged.source, export, problems) if export is not None else None
    package = _read_package(merged.child("package"), problems)
    _check_name(merged, ("runtime", "name"), RUNTIMES, problems)
    for key, registry in (("accelerator", ACCELERATORS), ("core", CORES)):
        _check_name(merged, ("hardware", key), registry, problems, listed=True)
    _check_words(merged, problems)
    dtype = text_at(merged, ("export", "dtype"))
    if dtype is not None and steps is not None and options is not None:
        check_promise(merged, dtype, steps, problems)
        check_float_layers(merged, steps, problems)
    if target is None or steps is None or options is None or len(problems) > before:
        return None
    _check_objection(merged, target, options, problems)
    if len(problems) > before:
        return None
    return target.model_copy(
        update={
            "plan": tuple({checked.step.method: _as_written(checked.step.parameters)} for checked in steps),
            "export": target.export.model_copy(update={"options": options}),
            "package": Package(kind=target.package.kind, options=package or {}),
        }
    )


def _check_words(merged: Located, problems: ProblemList) -> None:
    """What the compiler of the accelerator has names for is called by one of them."""
    accelerator = text_at(merged, ("hardware", "accelerator"))
    if accelerator is None or accelerator.value not in ACCELERATORS:
        return
    for key, known in ACCELERATORS.get(accelerator.value).words.items():
        name = text_at(merged, ("hardware", key))
        if name is not None and name.value not in known:
            message, listed = (
                unknown_name(f"{key} of {accelerator.value}", name.value, known),
                f"; known: {', '.join(known)}",
            )
            problems.add(name.problem(message.removesuffix(listed) + listed))


def _prepared(merged: Located) -> Located:
    """The profile as the tables want it: what the registries check is left out here, so that nothing is told twice."""
    values: dict[str, Located] = dict(merged.value)
    values.pop("plan", None)
    package = values.get("package")
    if package is not None and isinstance(package.value, dict):
        values["package"] = package.with_value({key: item for key, item in package.value.items() if key == "kind"})
    return merged.with_value(values)


def _read_export(source: Source, export: Located, problems: ProblemList) -> dict[str, Any] | None:
    """Check format, dtype, io and options against the format's own tables; return the options."""
    name = text_at(export, ("format",))
    if name is None:
        return None
    if name.value not in FORMATS:
        problems.add(name.problem(unknown_name("export format", name.value, FORMATS.names())))
        return None
    chosen = FORMATS.get(name.value)
    dtype = text_at(export, ("dtype",))
    fits = dtype is None or _check_dtype(source, export, chosen, dtype, problems)
    options = _read_options(export, export.child("options"), chosen.options, problems)
    return options if fits else None


def _check_dtype(source: Source, export: Located, chosen: Any, dtype: Located, problems: ProblemList) -> bool:
    """Whether the format can have the dtype, with the asked type of inputs and outputs."""
    name = text_at(export, ("format",))
    assert name is not None, "the format was looked up"
    known = list(chosen.dtypes)
    if dtype.value not in known:
        hint = suggestion(dtype.value, known) or f"; it can be {', '.join(known)}"
        at = written_in(source, dtype, name)
        problems.add(at.problem(f"{name.value} cannot be {dtype.value}{hint}"))
        return False
    io = text_at(export, ("io",))
    allowed = chosen.dtypes[dtype.value]
    wanted = Export.model_fields["io"].default if io is None else io.value
    if wanted not in allowed:
        at = written_in(source, io, dtype, name)
        message = (
            f"{name.value} {dtype.value} cannot have {wanted} inputs and outputs (io); it can have {', '.join(allowed)}"
        )
        problems.add(at.problem(message))
        return False
    return True


def _check_objection(merged: Located, target: Target, options: dict[str, Any], problems: ProblemList) -> None:
    """Hear whether the format can do what its options ask, for every runtime that must take the file."""
    oldest = (target.runtime.oldest or target.runtime.name).partition(" ")[0]
    runtimes = (target.runtime.name, oldest, *PACKAGERS.get(target.package.kind).runtimes)
    found = FORMATS.get(target.export.format).objects_to(options, target.export.dtype, tuple(dict.fromkeys(runtimes)))
    if found is not None:
        option, reason = found
        at = merged.child("export")
        for key in ("options", option):
            at = at and at.child(key)
        assert at is not None, "an option that was read stands somewhere"
        problems.add(at.problem(reason, at_key=True))


def _read_package(package: Located | None, problems: ProblemList) -> dict[str, Any] | None:
    """Check the kind of package and its options; return the options."""
    if package is None or not isinstance(package.value, dict):
        return {}
    kind = text_at(package, ("kind",))
    name = Package.model_fields["kind"].default if kind is None else kind.value
    if name not in PACKAGERS:
        problems.add((kind or package).problem(unknown_name("package", name, PACKAGERS.names())))
        return None
    return _read_options(package, package.without("kind"), PACKAGERS.get(name).options, problems)


def _read_options(owner: Located, options: Located | None, table: Any, problems: ProblemList) -> dict[str, Any] | None:
    given = owner.with_value({}) if options is None or options.value is None else options
    read = read_table(table, given, problems)
    return None if read is None else _as_written(read)


def _as_written(table: BaseModel) -> dict[str, Any]:
    return table.model_dump(mode="json", exclude_unset=True)


def _check_name(
    merged: Located, path: tuple[str, ...], registry: Registry[Any], problems: ProblemList, *, listed: bool = False
) -> None:
    """See that a name is registered; `listed`: say all that are, also beside the nearest."""
    name = text_at(merged, path)
    if name is not None and name.value not in registry:
        known = f"; known: {', '.join(registry.names())}"
        message = unknown_name(registry.kind, name.value, registry.names())
        problems.add(name.problem(message + known if listed and not message.endswith(known) else message))
