"""Files that an accelerator's compiler made already: how they are told from those that it takes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from edgebuild.check.census.model import Census
from edgebuild.errors import ConfigError

ETHOS_U = "ethos-u"
EDGE_TPU = "edgetpu-custom-op"
_COMPILERS: Mapping[str, str] = MappingProxyType({ETHOS_U: "Vela for an Ethos-U", EDGE_TPU: "edgetpu_compiler"})
"""The operation that stands for the compiled part of a .tflite -> whose work it is."""


def compiled_by(census: Census) -> str | None:
    """The compiler that made the file; None where none did."""
    return next((_COMPILERS[one.name] for one in census.operations if one.name in _COMPILERS), None)


def refuse_compiled(census: Census) -> None:
    """See that a file is not compiled yet: of what is inside the compiled part nothing can be said again.

    Raises:
        ConfigError: it is.
    """
    compiler = compiled_by(census)
    if compiler is not None:
        msg = f"{census.path} is compiled already, by {compiler}: its compiled part cannot be judged or compiled again"
        raise ConfigError(msg, remedy="name the file that it was compiled from")
