"""The project file that `edgebuild init` writes: explained line by line, and checked before it is written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgebuild.config.load import PROJECT_FILE, project_from_text
from edgebuild.config.problem import InvalidConfigError
from edgebuild.config.shipped import shipped_targets
from edgebuild.errors import ConfigError

_TEMPLATE = """\
# The project: what is built, from which data, judged by which metric, and for which targets.
# `edgebuild build` builds it; every key is described in docs/profile-reference.md.

name: {name}
seed: 1                       # of everything random: the same seed gives the same artifacts, bit for bit
threads: 1                    # of training, calibration and evaluation; another number may round otherwise

model:                        # where the trained model comes from
{model}
  # inputs: [image]           # names of forward's arguments, in order; default: input
  # outputs: [scores]         # names of forward's results, in order; default: output

data:                         # where samples come from
{data}
  # kwargs: {{}}                # arguments of that function
  # depends: [samples/]       # files and folders that the function reads: a change in them rebuilds
  # classes: [cat, dog]       # names of the classes, in the order of the model's scores
  # normalization: {{scale: 0.00392157, mean: 0.5, std: 0.25}}  # (raw * scale - mean) / std, for raw inputs

metric: accuracy              # a metric of torchmetrics, or `module:function` of yours

{train}
targets:                      # one artifact for each; `edgebuild targets list` shows what is shipped
{targets}
  # - extends: {first}{pad}# a shipped profile with changes of your own
  #   target: my-{first}
  #   budgets: {{accuracy_drop: 0.5, size: 2 MiB}}
"""

_FACTORY = """\
  factory: "{model}"{pad}# module:function that returns the torch.nn.Module, without weights
  # kwargs: {{width: 32}}       # its arguments
{weights}"""

_WEIGHTS = "  weights: {weights}{pad}# its state dict: .pt (read without unpickling code), .pth or .safetensors"

_NO_WEIGHTS = "  # weights: weights.pt       # its state dict; without one the `train:` section below makes it"

_PROGRAM = "  program: {model}{pad}# a program saved by torch.export, weights included"

_DATA = """\
  # The function returns {{"train": …, "validation": …}}, each a pair of arrays (inputs, labels) or a torch Dataset.
  # "calibration" (inputs that show the quantizer the range of values) is optional: default are training samples.
  function: "{data}"{pad}# module:function; or use the built-in readers `npz:` or `images:`"""

_TRAIN = """\
train:                        # makes the float baseline, as there are no weights
  epochs: 10
  batch_size: 64
  optimizer: adam             # sgd, adam or adamw
  learning_rate: 0.001
  schedule: cosine            # constant, cosine or step
"""


@dataclass(frozen=True)
class ScaffoldRequest:
    """What a user says at the beginning.

    Attributes:
        model: `module:function`, or a `.pt2` program.
        weights: path of the state dict; None where the project trains.
        data: `module:function`; None stands for `load_data` beside the model.
        targets: names or paths; empty stands for all shipped profiles.
        name: of the project; None stands for the folder's name.
    """

    model: str
    weights: str | None = None
    data: str | None = None
    targets: Sequence[str] = ()
    name: str | None = None


def data_function(request: ScaffoldRequest) -> str:
    """The data function that the project names: the user's, or `load_data` in the module of the model.

    Raises:
        ConfigError: the model is a program, so that there is no module to put the function in.
    """
    if request.data is not None:
        return request.data
    if request.model.endswith(".pt2"):
        msg = "a program has no Python module to look for data in"
        raise ConfigError(msg, remedy="name the function that gives the data: --data module:function")
    return f"{request.model.partition(':')[0]}:load_data"


def scaffold_text(request: ScaffoldRequest, folder: Path) -> str:
    """The text of the project file; `folder` is where it will lie.

    Raises:
        ConfigError: see `data_function`.
    """
    data = data_function(request)
    program = request.model.endswith(".pt2")
    if program:
        model = _PROGRAM.format(model=request.model, pad=_pad(11, request.model))
    else:
        given = request.weights
        weights = _NO_WEIGHTS if given is None else _WEIGHTS.format(weights=given, pad=_pad(11, given))
        model = _FACTORY.format(model=request.model, pad=_pad(13, request.model), weights=weights)
    targets = list(request.targets) or shipped_targets()
    name = request.name or re.sub(r"[^A-Za-z0-9._-]+", "-", folder.resolve().name).strip("-._") or "model"
    first = shipped_targets()[0]
    return _TEMPLATE.format(
        name=name,
        model=model,
        data=_DATA.format(data=data, pad=_pad(14, data)),
        train="" if program or request.weights is not None else _TRAIN,
        targets="\n".join(f"  - {target}" for target in targets),
        first=first,
        pad=_pad(15, first),
    ).replace("\n\n\n", "\n\n")


def write_scaffold(request: ScaffoldRequest, folder: Path, *, force: bool = False) -> Path:
    """Write the project file into `folder` and return its path; nothing is written that would not load.

    Raises:
        ConfigError: there is a project file already and `force` is not set, what the request names is missing, or the
            folder cannot be written.
    """
    file = folder / PROJECT_FILE
    if file.exists() and not force:
        msg = f"{file} exists already"
        raise ConfigError(msg, remedy="edit it, or overwrite it with --force")
    text = scaffold_text(request, folder)
    try:
        project_from_text(text, file)
    except InvalidConfigError as error:
        told = "\n".join(f"{problem.key}: {problem.message}" for problem in error.problems)
        msg = f"nothing was written, as the project would not load:\n{told}"
        raise ConfigError(msg, remedy="correct the options of `edgebuild init`") from None
    try:
        file.write_text(text)
    except OSError as error:
        msg = f"cannot write {file}: {error.strerror or error}"
        raise ConfigError(msg, remedy="go to a folder that you can write") from error
    return file


def _pad(before: int, text: str) -> str:
    """Spaces up to the column of the comments."""
    return " " * max(30 - before - len(text) - (before in (13, 14)), 2)
