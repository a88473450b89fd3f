"""Types of values that several tables share: names, functions of the user, files that must exist."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    PlainSerializer,
    ValidationInfo,
    WithJsonSchema,
)

from edgebuild.config.functions import module_exists
from edgebuild.config.wording import BadValueError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
_FUNCTION = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*(\.[A-Za-z_]\w*)*")
_VARIABLE = re.compile(r"\$\{?([A-Za-z_]\w*)\}?")


class Table(BaseModel):
    """Base of every section of a file: unknown keys are errors, values are immutable once read."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, protected_namespaces=())


def _root(info: ValidationInfo) -> Path | None:
    context: Any = info.context or {}
    root: Path | None = context.get("root")
    return root


def _check_name(value: str) -> str:
    if _NAME.fullmatch(value) is None:
        msg = "expected a name of letters, digits, '.', '_' and '-'"
        raise BadValueError(msg, tell_found=True)
    return value


def _check_function(value: str, info: ValidationInfo) -> str:
    if _FUNCTION.fullmatch(value) is None:
        msg = f"{value!r} is not of the form 'module:function', like 'model:build'"
        raise BadValueError(msg)
    root = _root(info)
    module = value.partition(":")[0]
    if root is not None and not module_exists(module, root):
        path = module.replace(".", "/")
        msg = f"no module {module!r}: neither {path}.py nor {path}/ in the project folder, nor an installed package"
        raise BadValueError(msg)
    return value


def _expand(value: str) -> str:
    for name in _VARIABLE.findall(value):
        if name not in os.environ:
            msg = f"the environment variable {name} is not set; set it to the path"
            raise BadValueError(msg)
    return os.path.expandvars(value)


def _existing(value: str, info: ValidationInfo, *, kinds: tuple[str, ...]) -> str:
    expanded = _expand(value)
    root = _root(info)
    if root is None:
        return expanded
    path = root / expanded
    if not path.exists():
        msg = f"no such {' or '.join(kinds)}: {expanded}"
        raise BadValueError(msg)
    if kinds == ("file",) and not path.is_file():
        msg = f"{expanded} is a folder, expected a file"
        raise BadValueError(msg)
    if kinds == ("folder",) and not path.is_dir():
        msg = f"{expanded} is a file, expected a folder"
        raise BadValueError(msg)
    return expanded


def _existing_file(value: str, info: ValidationInfo) -> str:
    return _existing(value, info, kinds=("file",))


def _existing_folder(value: str, info: ValidationInfo) -> str:
    return _existing(value, info, kinds=("folder",))


def _existing_path(value: str, info: ValidationInfo) -> str:
    return _existing(value, info, kinds=("file", "folder"))


Name = Annotated[str, AfterValidator(_check_name), WithJsonSchema({"type": "string", "pattern": f"^{_NAME.pattern}$"})]
"""A name that can be a folder."""

FunctionName = Annotated[
    str, AfterValidator(_check_function), WithJsonSchema({"type": "string", "pattern": r"^[\w.]+:[\w.]+$"})
]
"""`module:function` of the user; the module must be there, nothing is imported."""

ExistingFile = Annotated[str, AfterValidator(_existing_file)]
"""Path of a file, relative to the project folder; `${NAME}` stands for an environment variable."""

ExistingFolder = Annotated[str, AfterValidator(_existing_folder)]
"""Path of a folder, relative to the project folder; `${NAME}` stands for an environment variable."""

ExistingPath = Annotated[str, AfterValidator(_existing_path)]
"""Path of a file or a folder, relative to the project folder; `${NAME}` stands for an environment variable."""


def _parse_address(value: Any) -> int:
    try:
        return value if isinstance(value, int) else int(str(value), 0)
    except ValueError:
        msg = "expected an address, like 0x20000000"
        raise BadValueError(msg, tell_found=True) from None


Address = Annotated[
    int,
    BeforeValidator(_parse_address),
    PlainSerializer(hex, when_used="json"),
    WithJsonSchema({"type": "string", "pattern": "^0x[0-9a-fA-F]+$", "title": "an address"}),
]
"""A place in the memory of a device, written `0x20000000`; an `int` in code."""
