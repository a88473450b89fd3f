"""From a file and the name of a target to the compiler."""

from __future__ import annotations

from pathlib import Path

from edgebuild.config.load import load_target, shipped_targets
from edgebuild.config.profile import is_path
from edgebuild.config.registries import CORES
from edgebuild.errors import ConfigError
from edgebuild.export.c.compile import CompileOptions
from edgebuild.export.c.cores import find_core


def target_options(target: str, prefix: str) -> CompileOptions:
    """What a profile (shipped name or path) asks of the compiler, or a core alone.

    The arena is kept within the RAM that the profile allows the model, or that the device has.

    Raises:
        ConfigError: there is no such profile or core, or the profile is not one of a microcontroller.
    """
    if not is_path(target) and target not in shipped_targets():
        if target in CORES:
            return CompileOptions(prefix=prefix, core=target)
        msg = f"{target!r} is neither a profile nor a core"
        known = f"profiles (accelerators too): {', '.join(shipped_targets())}; cores: {', '.join(CORES.names())}"
        raise ConfigError(msg, remedy=f"name one of these, or the path of your own profile: {known}")
    profile = load_target(target)
    core = profile.hardware.core
    if core is None:
        msg = f"target {target!r} names no hardware.core, expected that of a microcontroller"
        raise ConfigError(msg, remedy=f"write hardware: {{core: …}} with one of: {', '.join(CORES.names())}")
    limits = [limit for limit in (profile.budgets.ram, profile.hardware.ram) if limit is not None]
    return CompileOptions(prefix=prefix, core=find_core(core).name, arena_limit=min(limits, default=None))


def read_model_bytes(path: Path) -> bytes:
    """The bytes of a model.

    Raises:
        ConfigError: the file cannot be read.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror}"
        raise ConfigError(msg) from error
