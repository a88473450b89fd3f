"""What an earlier step demands of the weights in every later training: one kind of constraint a file.

A step notes its constraint in the record of its model folder, as JSON; tensors go beside it into a file called
`constraint.*.safetensors`, which every later model folder inherits (`edgebuild.model.load.derive_model_folder`).
Training in a later step enforces all of them (`edgebuild.compress.training`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from edgebuild.model.addition import Addition
from edgebuild.model.model_folder import read_record
from edgebuild.registry import Registry

Constraint = Callable[[Path, Mapping[str, Any]], Addition]
"""(model folder, the constraint's JSON) -> what keeps to it while a model with the same weights is trained."""

CONSTRAINTS: Registry[Constraint] = Registry("constraint", "edgebuild.compress.constraints")


def constraints_of(folder: Path) -> list[Addition]:
    """Everything that the steps so far demand of further training of the model in `folder`, in plan order.

    Raises:
        ConfigError: a constraint of an unknown kind.
    """
    return [CONSTRAINTS.get(str(one["constraint"]))(folder, one) for one in read_record(folder).constraints]
