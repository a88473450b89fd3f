"""From the project's `model:` section to a torch module, and from a model folder back to the same module."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgebuild.errors import ConfigError
from edgebuild.model.edits import replay
from edgebuild.model.model_folder import ModelRecord, read_record
from edgebuild.model.seeding import seeded
from edgebuild.model.user_code import call_user
from edgebuild.model.weights import fit_weights, read_weights, write_weights

if TYPE_CHECKING:
    import torch

WEIGHTS = "weights.safetensors"
PROGRAM = "program.pt2"


def factory_source(factory: str, kwargs: Mapping[str, Any]) -> dict[str, Any]:
    """The `source` of a ModelRecord for a factory `module:function`."""
    return {"kind": "factory", "factory": factory, "kwargs": dict(kwargs)}


def program_source() -> dict[str, Any]:
    """The `source` of a ModelRecord for a torch.export program."""
    return {"kind": "program"}


def build_factory(source: Mapping[str, Any], project_root: Path, seed: int = 0) -> torch.nn.Module:
    """Call the user's factory with its kwargs; its random initial weights follow `seed`.

    Raises:
        ConfigError: the factory cannot be loaded, raises, or returns no `torch.nn.Module`.
    """
    import torch

    reference = str(source["factory"])
    with seeded(seed):
        model = call_user(reference, project_root, kwargs=source.get("kwargs") or {})
    if not isinstance(model, torch.nn.Module):
        msg = f"{reference!r} returned a {type(model).__name__}, expected a torch.nn.Module"
        raise ConfigError(msg, remedy="return the model itself; layers in a row make one with nn.Sequential(…)")
    return model


def load_program(path: Path, shown: str | None = None) -> torch.nn.Module:
    """Read a `torch.export` program (`.pt2`) as a module.

    Raises:
        ConfigError: no such file, not such a program, or one that does not take a single sample.
    """
    import torch

    from edgebuild.model.evaluate import fixed_batch

    name = shown or path.name
    if not path.is_file():
        msg = f"model.program: found no file {name!r}"
        raise ConfigError(msg, remedy="a relative path starts at the folder of edgebuild.yaml")
    try:
        program = torch.export.load(path)
    except Exception as error:  # a broken archive fails in zip, JSON, schema or pickle code, each with its own type
        first = str(error).strip().partition("\n")[0]
        msg = f"model.program: {name!r} is not a torch.export program this torch can read: {first}"
        raise ConfigError(
            msg, remedy="save it with torch.export.save(torch.export.export(model, args), path)"
        ) from error
    module = program.module()
    batch = fixed_batch(module)
    if batch not in (None, 1):
        msg = f"model.program: {name!r} takes {batch} samples at once only, expected 1 or any number"
        raise ConfigError(msg, remedy="export it with one sample: torch.export.export(model, (x[:1],))")
    return module


def load_source_model(
    model: Mapping[str, Any], project_root: Path, seed: int = 0
) -> tuple[torch.nn.Module, dict[str, Any]]:
    """The model of a project's `model:` section (`factory`, `kwargs`, `weights` or `program`), and its record source.

    The module is in eval mode. Without `weights` a factory's model has its initial weights, drawn by `seed`.

    Raises:
        ConfigError: the factory, the program or the weights cannot be used.
    """
    if model.get("program"):
        return load_program(project_root / str(model["program"]), str(model["program"])), program_source()
    source = factory_source(str(model["factory"]), model.get("kwargs") or {})
    module = build_factory(source, project_root, seed)
    if model.get("weights"):
        name = str(model["weights"])
        fit_weights(module, read_weights(project_root / name, name), name)
    return module.eval(), source


def write_model_folder(output: Path, record: ModelRecord, model: torch.nn.Module, program: Path | None = None) -> None:
    """Write model.json and weights.safetensors into `output`; `program` is copied where the source is one.

    Args:
        output: an empty folder.
        record: what model.json will hold.
        model: the module whose state dict is kept; it must be what replaying `record.edits` on the source gives.
        program: the `.pt2` file, only for a program source.

    Raises:
        ConfigError: the source is a program and no file is given.
    """
    if record.source["kind"] == "program":
        if program is None:
            msg = "a model from a torch.export program needs its program.pt2, found none"
            raise ConfigError(msg)
        shutil.copyfile(program, output / PROGRAM)
    write_weights(model.state_dict(), output / WEIGHTS)
    record.write(output)


def derive_model_folder(parent: Path, output: Path, model: torch.nn.Module, **changes: Any) -> ModelRecord:
    """Write a step's model folder: `parent`'s record with `changes`, and `model`'s weights.

    The program, the calibration samples and the tensors of constraints are `parent`'s.
    """
    record = replace(read_record(parent), **changes)
    program = parent / PROGRAM
    write_model_folder(output, record, model, program if program.is_file() else None)
    for file in sorted([*parent.glob("calibration.*.npy"), *parent.glob("constraint.*.safetensors")]):
        shutil.copyfile(file, output / file.name)
    return record


def rebuild(folder: Path, project_root: Path) -> torch.nn.Module:
    """The module of a model folder: the user's factory, the edits replayed, the weights loaded; in eval mode.

    Raises:
        ConfigError: the user's factory no longer gives the model that the folder was made from.
    """
    record = read_record(folder)
    if record.source["kind"] == "program":
        module = load_program(folder / PROGRAM)
    else:
        module = build_factory(record.source, project_root)
    replay(module, record.edits)
    fit_weights(module, read_weights(folder / WEIGHTS), WEIGHTS)
    return module if record.source["kind"] == "program" else module.eval()
